using System.Collections.Immutable;

namespace Osmia.Bytecode.Classic;

/// <summary>What runs a classic filter, and with it what its loads read.</summary>
public enum ClassicUse
{
    /// <summary>SO_ATTACH_FILTER, cls_bpf, xt_bpf: loads read the packet in network byte order; the result is how many bytes to keep.</summary>
    Socket,

    /// <summary>seccomp(2): loads read aligned words of <c>struct seccomp_data</c> in the machine's order; the result is an action.</summary>
    Seccomp,
}

/// <summary>A filter in classic BPF: inert, perhaps not even valid (<see cref="ClassicCheck"/>).</summary>
public sealed record ClassicProgram(ImmutableArray<ClassicInstruction> Instructions)
{
    /// <summary>BPF_MAXINSNS.</summary>
    public const int MaxLength = 4096;

    /// <summary>BPF_MEMWORDS: words of scratch memory.</summary>
    public const int ScratchWords = 16;

    /// <summary>sizeof(struct seccomp_data).</summary>
    public const int SeccompDataSize = 64;

    public ClassicUse Use { get; init; } = ClassicUse.Socket;

    /// <summary>Reads an array of <c>struct sock_filter</c> as it stands in memory.</summary>
    /// <exception cref="ArgumentException">The length is no multiple of 8.</exception>
    public static ClassicProgram FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % ClassicInstruction.SizeInBytes != 0)
        {
            throw new ArgumentException($"{bytes.Length} bytes is not a whole number of {ClassicInstruction.SizeInBytes}-byte instructions", nameof(bytes));
        }

        var code = new ClassicInstruction[bytes.Length / ClassicInstruction.SizeInBytes];
        for (int i = 0; i < code.Length; i++)
        {
            code[i] = ClassicInstruction.Decode(bytes[(i * ClassicInstruction.SizeInBytes)..]);
        }

        return new ClassicProgram([.. code]);
    }

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Instructions.Length * ClassicInstruction.SizeInBytes];
        for (int i = 0; i < Instructions.Length; i++)
        {
            Instructions[i].Encode(bytes.AsSpan(i * ClassicInstruction.SizeInBytes));
        }

        return bytes;
    }
}

/// <summary>What is wrong with a filter, and at which instruction.</summary>
/// <param name="Index">The instruction's number; -1 when the whole filter is at fault.</param>
public sealed record ClassicProblem(int Index, string What, string Why);
