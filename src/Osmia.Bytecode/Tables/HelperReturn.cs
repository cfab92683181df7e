namespace Osmia.Bytecode;

/// <summary>What a helper leaves in r0: the kernel's <c>enum bpf_return_type</c> without its modifiers.</summary>
public enum HelperReturnKind
{
    /// <summary>A number, mostly 0 or a negated errno.</summary>
    Integer,

    /// <summary>Nothing: r0 may not be read.</summary>
    Void,

    /// <summary>A pointer to the value of the map that was passed.</summary>
    MapValue,

    /// <summary>A full socket (<c>struct bpf_sock</c>).</summary>
    Socket,

    /// <summary>A socket of which only the common part may be read.</summary>
    SocketCommon,

    /// <summary>A TCP socket (<c>struct bpf_tcp_sock</c>).</summary>
    TcpSocket,

    /// <summary>Memory of a ring buffer, of the size that was asked for.</summary>
    RingbufRecord,

    /// <summary>Memory behind a dynptr, of the size that was asked for.</summary>
    DynptrMemory,

    /// <summary>One CPU's copy of the per-CPU variable that was passed.</summary>
    PerCpuData,

    /// <summary>A kernel pointer whose BTF type is <see cref="HelperReturn.TypeName"/>.</summary>
    BtfPointer,

    /// <summary>A kernel pointer of the type the slot has.</summary>
    Kptr,
}

/// <param name="IsTrusted">The kernel vouches for the pointer: it may be passed on to kernel functions.</param>
/// <param name="TypeName">The BTF type of a <see cref="HelperReturnKind.BtfPointer"/>, else empty.</param>
public sealed record HelperReturn(HelperReturnKind Kind, bool IsNullable, bool IsTrusted, string TypeName)
{
    internal static HelperReturn Parse(ReadOnlySpan<char> text)
    {
        const string Trusted = "trusted ";
        const string Btf = "btf:";
        bool trusted = text.StartsWith(Trusted);
        text = trusted ? text[Trusted.Length..] : text;
        bool nullable = text.EndsWith("?");
        text = nullable ? text[..^1] : text;
        if (text.StartsWith(Btf))
        {
            return new HelperReturn(HelperReturnKind.BtfPointer, nullable, trusted, text[Btf.Length..].ToString());
        }

        HelperReturnKind kind = text switch
        {
            "int" => HelperReturnKind.Integer,
            "void" => HelperReturnKind.Void,
            "value" => HelperReturnKind.MapValue,
            "fullsock" => HelperReturnKind.Socket,
            "sock" => HelperReturnKind.SocketCommon,
            "tcpsock" => HelperReturnKind.TcpSocket,
            "record" => HelperReturnKind.RingbufRecord,
            "dynmem" => HelperReturnKind.DynptrMemory,
            "percpu" => HelperReturnKind.PerCpuData,
            "kptr" => HelperReturnKind.Kptr,
            _ => throw HelperTable.BadRow(text),
        };
        return new HelperReturn(kind, nullable, trusted, "");
    }
}
