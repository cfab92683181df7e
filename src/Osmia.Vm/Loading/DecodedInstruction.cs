using System.Runtime.InteropServices;

namespace Osmia.Vm.Loading;

/// <summary>One slot as the interpreter reads it; slot n of the program is element n.</summary>
[StructLayout(LayoutKind.Sequential, Size = SizeInBytes)]
internal struct DecodedInstruction
{
    public const int SizeInBytes = 16;

    public Op Op;
    public byte Destination;
    public byte Source;

    /// <summary>Bytes of a memory access; slots from this one to the target of a jump or local call; the helper's id.</summary>
    public int Offset;

    /// <summary>Sign-extended immediate, whole wide immediate, or the address of a helper's function.</summary>
    public long Immediate;
}
