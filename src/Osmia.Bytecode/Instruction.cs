using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Osmia.Bytecode;

/// <summary>
/// One 8-byte slot of a program in the layout of RFC 9669 section 3: opcode, two 4-bit registers, a signed
/// 16-bit offset and a signed 32-bit immediate. A wide instruction (<see cref="IsWide"/>) takes two slots;
/// the second holds the upper half of the 64-bit immediate.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = SizeInBytes)]
public readonly record struct Instruction(Opcode Opcode, byte Registers, short Offset, int Immediate)
{
    public const int SizeInBytes = 8;

    public Instruction(Opcode opcode, Register destination, Register source, short offset, int immediate)
        : this(opcode, (byte)((int)destination | ((int)source << 4)), offset, immediate)
    {
    }

    public Register Destination => (Register)(Registers & 0xf);

    public Register Source => (Register)(Registers >> 4);

    /// <summary>The source register field read as a kind: pseudo loads of wide instructions, and kinds of calls.</summary>
    public int SourceKind => Registers >> 4;

    /// <summary>First slot of a 64-bit immediate load (RFC 9669 section 5.4).</summary>
    public bool IsWide => Opcode.Value == Opcodes.LoadImmediate64;

    public bool IsCall => Opcode.Value == Opcodes.Call;

    /// <summary>A call of a helper function by its number (RFC 9669 section 4.3.1).</summary>
    public bool IsHelperCall => IsCall && SourceKind == CallKind.Helper;

    /// <summary>A call of a program-local function; the immediate is relative to the next slot.</summary>
    public bool IsLocalCall => IsCall && SourceKind == CallKind.Local;

    public bool IsKfuncCall => IsCall && SourceKind == CallKind.Kfunc;

    public bool IsExit => Opcode.Value == Opcodes.Exit;

    /// <summary>Loads the address of a program-local function (a callback) as a wide immediate.</summary>
    public bool IsFunctionAddress => IsWide && SourceKind == PseudoLoad.Function;

    /// <summary>A jump that names another slot: conditional, <c>goto</c> or <c>gotol</c>, not a call, an exit or <c>gotox</c>.</summary>
    public bool IsJump => Opcode.IsJump && !IsCall && !IsExit && Opcode.Value is not (Opcodes.CallRegister or Opcodes.JumpIndirect);

    /// <summary>Slots from the next one to the jump's target: the 32-bit immediate for <c>gotol</c>, else the offset.</summary>
    public int JumpDistance => Opcode.Value == Opcodes.JumpLong ? Immediate : Offset;

    public Instruction WithImmediate(int immediate) => this with { Immediate = immediate };

    public Instruction WithSourceKind(int kind) => this with { Registers = (byte)((Registers & 0xf) | (kind << 4)) };

    /// <summary>Reads one slot from 8 bytes; <paramref name="bigEndian"/> swaps fields and register nibbles.</summary>
    public static Instruction Decode(ReadOnlySpan<byte> slot, bool bigEndian = false)
    {
        byte registers = slot[1];
        return bigEndian
            ? new(new(slot[0]), (byte)((registers << 4) | (registers >> 4)),
                BinaryPrimitives.ReadInt16BigEndian(slot[2..]), BinaryPrimitives.ReadInt32BigEndian(slot[4..]))
            : new(new(slot[0]), registers,
                BinaryPrimitives.ReadInt16LittleEndian(slot[2..]), BinaryPrimitives.ReadInt32LittleEndian(slot[4..]));
    }

    public void Encode(Span<byte> slot)
    {
        slot[0] = Opcode.Value;
        slot[1] = Registers;
        BinaryPrimitives.WriteInt16LittleEndian(slot[2..], Offset);
        BinaryPrimitives.WriteInt32LittleEndian(slot[4..], Immediate);
    }

    /// <summary>Reads a whole instruction stream; its length must be a multiple of 8.</summary>
    public static Instruction[] DecodeAll(ReadOnlySpan<byte> bytes, bool bigEndian = false)
    {
        if (bytes.Length % SizeInBytes != 0)
        {
            throw new ArgumentException($"{bytes.Length} bytes is not a whole number of {SizeInBytes}-byte slots", nameof(bytes));
        }

        var instructions = new Instruction[bytes.Length / SizeInBytes];
        for (int i = 0; i < instructions.Length; i++)
        {
            instructions[i] = Decode(bytes[(i * SizeInBytes)..], bigEndian);
        }

        return instructions;
    }

    /// <summary>The 64-bit immediate of a wide instruction whose second slot is <paramref name="next"/>.</summary>
    public ulong WideImmediate(Instruction next) => (uint)Immediate | ((ulong)(uint)next.Immediate << 32);
}
