using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Osmia.Bytecode.Classic;

/// <summary>
/// One instruction of classic BPF, <c>struct sock_filter</c>: 16 bits of code, two distances that a conditional jump goes, and a constant.
/// Distances count from the next instruction.
/// </summary>
/// <remarks>Source: Documentation/networking/filter.rst; McCanne and Jacobson, "The BSD Packet Filter" (1993).</remarks>
[StructLayout(LayoutKind.Sequential, Size = SizeInBytes)]
public readonly record struct ClassicInstruction(ushort Code, byte IfTrue, byte IfFalse, uint K)
{
    public const int SizeInBytes = 8;

    public ClassicClass Class => (ClassicClass)(Code & 0x07);

    public ClassicMode Mode => (ClassicMode)(Code & 0xe0);

    /// <summary>Width of a load: <see cref="Size.W"/>, <see cref="Size.H"/> or <see cref="Size.B"/>.</summary>
    public Size Size => (Size)(Code & 0x18);

    /// <summary>Of arithmetic; the codes are those that eBPF took over.</summary>
    public ArithmeticOperation Arithmetic => (ArithmeticOperation)(Code & 0xf0);

    /// <summary>Of a jump; only <see cref="JumpOperation.Ja"/>, Jeq, Jgt, Jge and Jset exist.</summary>
    public JumpOperation Jump => (JumpOperation)(Code & 0xf0);

    /// <summary>Whether arithmetic or a comparison takes X and not <see cref="K"/>.</summary>
    public bool UsesX => (Code & 0x08) != 0;

    /// <summary>A return gives A and not <see cref="K"/>.</summary>
    public bool ReturnsA => (Code & 0x18) == 0x10;

    /// <summary>txa, not tax.</summary>
    public bool CopiesXToA => (Code & 0xf8) == 0x80;

    /// <summary>Of a load at a fixed offset: the ancillary value it means instead of the packet's bytes; null when it means those.</summary>
    public ClassicAncillary? Ancillary =>
        Class == ClassicClass.Ld && Mode == ClassicMode.Abs && K >= ClassicAncillaryTable.Base ? (ClassicAncillary)(K - ClassicAncillaryTable.Base) : null;

    public static ClassicInstruction Decode(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt16LittleEndian(bytes), bytes[2], bytes[3], BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]));

    public void Encode(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, Code);
        bytes[2] = IfTrue;
        bytes[3] = IfFalse;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], K);
    }
}

public enum ClassicClass : byte
{
    Ld = 0,
    Ldx = 1,
    St = 2,
    Stx = 3,
    Alu = 4,
    Jmp = 5,
    Ret = 6,
    Misc = 7,
}

/// <summary>Where a load takes its value.</summary>
public enum ClassicMode : byte
{
    Imm = 0x00,

    /// <summary>The packet, at K.</summary>
    Abs = 0x20,

    /// <summary>The packet, at X + K.</summary>
    Ind = 0x40,

    /// <summary>Scratch memory.</summary>
    Mem = 0x60,

    /// <summary>The packet's length.</summary>
    Len = 0x80,

    /// <summary>Four times the lower half of the packet's byte at K: the length of an IPv4 header.</summary>
    Msh = 0xa0,
}
