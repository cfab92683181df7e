using System.Globalization;
using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Objects.Linking.Core;

/// <summary>Writes a relocation's answer into its instruction: an immediate, an offset with its access size, or 64 bits.</summary>
internal static class CorePatcher
{
    /// <summary>The helper number of a call that no kernel has; libbpf poisons with the same one, so kernel logs look alike.</summary>
    public const int PoisonedHelper = 0xbad2310;

    /// <param name="expected">The answer for the object's own types, which the compiler wrote into the instruction.</param>
    public static PatchResult Patch(Instruction[] instructions, int slot, CoreRelocationKind kind, BtfTypes localTypes, BtfTypes? targetTypes, CoreValue expected, CoreValue answer)
    {
        Instruction instruction = instructions[slot];
        Opcode opcode = instruction.Opcode;
        bool isChecked = IsChecked(kind, expected);
        if (instruction.IsWide)
        {
            if (slot + 1 >= instructions.Length || instruction.SourceKind != PseudoLoad.Immediate || instruction.Offset != 0)
            {
                return PatchResult.Refuse("it is not a plain 64-bit load");
            }

            ulong held = instruction.WideImmediate(instructions[slot + 1]);
            if (isChecked && held != expected.Value)
            {
                return PatchResult.Refuse(Mismatch((long)held, expected));
            }

            instructions[slot] = instruction.WithImmediate((int)(uint)answer.Value);
            instructions[slot + 1] = instructions[slot + 1].WithImmediate((int)(answer.Value >> 32));
            return default;
        }

        if (opcode.IsArithmetic)
        {
            if (opcode.UsesRegister)
            {
                return PatchResult.Refuse("its operand is a register, not a number");
            }

            if (isChecked && (ulong)instruction.Immediate != expected.Value)
            {
                return PatchResult.Refuse(Mismatch(instruction.Immediate, expected));
            }

            instructions[slot] = instruction.WithImmediate((int)(uint)answer.Value);
            return default;
        }

        return opcode.IsLoadOrStore && opcode.Mode is Mode.Mem or Mode.MemSx or Mode.Atomic
            ? PatchAccess(instructions, slot, isChecked, localTypes, targetTypes, expected, answer)
            : PatchResult.Refuse($"opcode {opcode} neither loads, stores nor computes");
    }

    private static PatchResult PatchAccess(Instruction[] instructions, int slot, bool isChecked, BtfTypes localTypes, BtfTypes? targetTypes, CoreValue expected, CoreValue answer)
    {
        Instruction instruction = instructions[slot];
        if (isChecked && instruction.Offset != (long)expected.Value)
        {
            return PatchResult.Refuse(Mismatch(instruction.Offset, expected));
        }

        if (answer.Value > (ulong)short.MaxValue)
        {
            return PatchResult.Refuse(string.Create(CultureInfo.InvariantCulture, $"offset {answer.Value} does not fit 15 bits"));
        }

        if (expected.FieldSize != answer.FieldSize)
        {
            // Only a pointer or an unsigned number means the same when it is read in another size.
            string changed = string.Create(CultureInfo.InvariantCulture, $"the field has {SizeText(answer)} on the target and {SizeText(expected)} in the object, and is not an unsigned number");
            if (targetTypes is null || !CanResize(localTypes.Resolve(expected.FieldType), targetTypes.Resolve(answer.FieldType)))
            {
                return new PatchResult(null, changed);
            }

            if (BytesOf(instruction.Opcode.Size) != expected.FieldSize || SizeCode(answer.FieldSize) is not { } size)
            {
                return PatchResult.Refuse(changed);
            }

            instruction = instruction with { Opcode = new Opcode((byte)((instruction.Opcode.Value & ~0x18) | (int)size)) };
        }

        instructions[slot] = instruction with { Offset = (short)answer.Value };
        return default;
    }

    // What a compiler wrote is held against what its own types say, but for what compilers are free to choose: the load of a bit-field,
    // and ids, which change when objects are linked.
    private static bool IsChecked(CoreRelocationKind kind, CoreValue expected) => kind switch
    {
        CoreRelocationKind.TypeIdLocal or CoreRelocationKind.TypeIdTarget => false,
        CoreRelocationKind.FieldSigned or CoreRelocationKind.FieldRightShift or CoreRelocationKind.FieldExists => true,
        _ => !expected.IsBitfield,
    };

    private static string Mismatch(long held, CoreValue expected) =>
        string.Create(CultureInfo.InvariantCulture, $"it holds {held}, not {(long)expected.Value} as the record says");

    private static string SizeText(CoreValue value) => value.FieldSize == 0 ? "a bit-field" : string.Create(CultureInfo.InvariantCulture, $"{value.FieldSize} bytes");

    private static int BytesOf(Size size) => size switch { Size.B => 1, Size.H => 2, Size.W => 4, _ => 8 };

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

/// <summary>What became of an instruction: written (both null), refused because the record is wrong for it, or to be poisoned because the field changed.</summary>
internal readonly record struct PatchResult(string? Refusal, string? Poison)
{
    public static PatchResult Refuse(string why) => new(why, null);
}
