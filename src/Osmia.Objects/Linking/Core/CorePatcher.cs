using System.Globalization;
using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Objects.Linking.Core;

/// <summary>Writes a relocation's answer into its instruction: an immediate, an offset with its access size, or 64 bits.</summary>
internal static class CorePatcher
{
    /// <summary>The helper number of a call that no kernel has; libbpf poisons with the same one, so kernel logs look alike.</summary>
    public const int PoisonedHelper = 0xbad2310;

    /// <returns>Why the answer cannot be written, or null when it was.</returns>
    public static string? Patch(Instruction[] instructions, int slot, CoreRelocationKind kind, BtfTypes localTypes, BtfTypes? targetTypes, CoreValue? expected, CoreValue answer)
    {
        Instruction instruction = instructions[slot];
        Opcode opcode = instruction.Opcode;
        if (instruction.IsWide)
        {
            if (slot + 1 >= instructions.Length || instruction.SourceKind != PseudoLoad.Immediate)
            {
                return "it is not a plain 64-bit load";
            }

            instructions[slot] = instruction.WithImmediate((int)(uint)answer.Value);
            instructions[slot + 1] = instructions[slot + 1].WithImmediate((int)(answer.Value >> 32));
            return null;
        }

        if (opcode.IsArithmetic)
        {
            if (opcode.UsesRegister)
            {
                return "its operand is a register, not a number";
            }

            if (kind.IsField() && expected is { IsBitfield: false } value && kind is not (CoreRelocationKind.FieldExists or CoreRelocationKind.FieldLeftShift or CoreRelocationKind.FieldRightShift or CoreRelocationKind.FieldSigned)
                && (ulong)instruction.Immediate != value.Value)
            {
                return string.Create(CultureInfo.InvariantCulture, $"it holds {instruction.Immediate}, not {value.Value} as the record says");
            }

            if (answer.Value > int.MaxValue && (long)answer.Value is < int.MinValue or > uint.MaxValue)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{answer.Value} does not fit 32 bits");
            }

            instructions[slot] = instruction.WithImmediate((int)(uint)answer.Value);
            return null;
        }

        if (!opcode.IsLoadOrStore || opcode.Mode is not (Mode.Mem or Mode.MemSx or Mode.Atomic))
        {
            return $"opcode {opcode} neither loads, stores nor computes";
        }

        if (answer.Value > (ulong)short.MaxValue)
        {
            return string.Create(CultureInfo.InvariantCulture, $"offset {answer.Value} does not fit 15 bits");
        }

        instruction = instruction with { Offset = (short)answer.Value };
        if (expected is { } local && local.FieldSize != answer.FieldSize && answer.FieldSize > 0 && local.FieldSize > 0)
        {
            if (!CanResize(localTypes.Resolve(local.FieldType), targetTypes!.Resolve(answer.FieldType)) || SizeCode(answer.FieldSize) is not { } size)
            {
                return string.Create(CultureInfo.InvariantCulture, $"the field has {answer.FieldSize} bytes on the target and {local.FieldSize} in the object, and is not an unsigned number");
            }

            instruction = instruction with { Opcode = new Opcode((byte)((opcode.Value & ~0x18) | (int)size)) };
        }

        instructions[slot] = instruction;
        return null;
    }

    /// <summary>Replaces the instruction by a call the kernel refuses if the program can reach it.</summary>
    public static void Poison(Instruction[] instructions, int slot)
    {
        bool wide = instructions[slot].IsWide;
        var poison = new Instruction(new Opcode(Opcodes.Call), 0, 0, PoisonedHelper);
        instructions[slot] = poison;
        if (wide && slot + 1 < instructions.Length)
        {
            instructions[slot + 1] = poison;
        }
    }

    private static bool CanResize(BtfType local, BtfType target) =>
        (local.Kind == BtfKind.Pointer && target.Kind == BtfKind.Pointer)
        || (local.Kind == BtfKind.Int && target.Kind == BtfKind.Int && !local.IsSigned && !target.IsSigned);

    private static Size? SizeCode(int bytes) => bytes switch
    {
        1 => Size.B,
        2 => Size.H,
        4 => Size.W,
        8 => Size.Dw,
        _ => null,
    };
}
