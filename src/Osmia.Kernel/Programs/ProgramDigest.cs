using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Osmia.Bytecode;

namespace Osmia.Kernel.Programs;

/// <summary>The kernel's hash over a program's instructions, by which an exclusive map knows its one program (Linux 6.18).</summary>
/// <remarks>SHA-256 over the instructions as they are loaded, with the descriptors of maps taken for zero: they differ from load to load.</remarks>
internal static class ProgramDigest
{
    public const int Size = 32;

    /// <param name="linked">Instructions that name maps by index, or by descriptor.</param>
    public static byte[] Of(ReadOnlySpan<Instruction> linked)
    {
        Instruction[] code = linked.ToArray();
        for (int slot = 0; slot + 1 < code.Length; slot++)
        {
            if (code[slot].IsWide)
            {
                int? kind = code[slot].SourceKind switch
                {
                    PseudoLoad.MapIndex or PseudoLoad.MapFd => PseudoLoad.MapFd,
                    PseudoLoad.MapIndexValue or PseudoLoad.MapValue => PseudoLoad.MapValue,
                    _ => null,
                };
                if (kind is { } real)
                {
                    code[slot] = code[slot].WithSourceKind(real).WithImmediate(0);
                    code[slot + 1] = code[slot + 1].WithImmediate(0);
                }

                slot++;
            }
        }

        return SHA256.HashData(MemoryMarshal.AsBytes<Instruction>(code));
    }
}
