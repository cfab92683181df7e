using System.Runtime.InteropServices;

namespace Osmia.Vm.Loading;

/// <summary>One slot as the interpreter reads it; slot n of the program is element n.</summary>
[StructLayout(LayoutKind.Sequential, Size = SizeInBytes)]
internal struct DecodedInstruction
{
    public const int SizeInBytes = 16;

    /// <summary>What the interpreter does here: the instruction, made without a check, or with those that follow.</summary>
    public Op Form;
    public byte Destination;
    public byte Source;

    /// <summary>Bytes of a memory access; slots from this one to the target of a jump or local call; the helper's id.</summary>
    public int Offset;

    /// <summary>Sign-extended immediate, whole wide immediate, or the address of a helper's function.</summary>
    public long Immediate;

    /// <summary>What the instruction is by itself.</summary>
    public Op Op
    {
        readonly get => Fusion.Plain(Form);
        init => Form = value;
    }
}
