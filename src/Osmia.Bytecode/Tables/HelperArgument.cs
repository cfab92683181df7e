namespace Osmia.Bytecode;

/// <summary>What a helper takes in an argument register: the kernel's <c>enum bpf_arg_type</c> without its modifiers.</summary>
public enum HelperArgumentKind
{
    /// <summary>Any initialised number or pointer (ARG_ANYTHING).</summary>
    Anything,

    /// <summary>A number (ARG_SCALAR).</summary>
    Scalar,

    /// <summary>The size in bytes, at least 1, of the memory in the register before.</summary>
    ConstSize,

    /// <summary>As <see cref="ConstSize"/>, zero allowed.</summary>
    ConstSizeOrZero,

    /// <summary>A size known at verification, of what the helper returns; zero allowed.</summary>
    ConstAllocSizeOrZero,

    /// <summary>The program's context, unmodified.</summary>
    Context,

    /// <summary>A map, known at verification.</summary>
    ConstMap,

    /// <summary>Initialised memory of the map's key size.</summary>
    MapKey,

    /// <summary>Memory of the map's value size.</summary>
    MapValue,

    /// <summary>Memory, of <see cref="HelperArgument.Size"/> bytes or of the size in the next register.</summary>
    Memory,

    /// <summary>A pointer into the program's stack.</summary>
    Stack,

    /// <summary>A function of the program (BPF_PSEUDO_FUNC).</summary>
    Function,

    /// <summary>A <c>struct bpf_timer</c> in a map value.</summary>
    Timer,

    /// <summary>A <c>struct bpf_spin_lock</c> in a map value or an allocated object.</summary>
    SpinLock,

    /// <summary>A dynptr on the stack; <see cref="HelperArgument.TypeName"/> names its kind when only one is taken.</summary>
    Dynptr,

    /// <summary>What <c>ringbuf_reserve</c> returned.</summary>
    RingbufRecord,

    /// <summary>Zero-terminated text in a read-only, frozen map.</summary>
    ConstString,

    /// <summary>A per-CPU variable of the kernel.</summary>
    PerCpuPointer,

    /// <summary>The place of a referenced kernel pointer, in a map value or an allocated object.</summary>
    KptrSlot,

    /// <summary>A kernel pointer of the type the slot has.</summary>
    Kptr,

    /// <summary>A kernel pointer whose BTF type is <see cref="HelperArgument.TypeName"/>.</summary>
    BtfPointer,

    /// <summary>A socket of one of the verifier's own kinds (common, full, TCP, XDP).</summary>
    SocketCommon,

    /// <summary><see cref="SocketCommon"/>, or a BTF pointer to a <c>sock_common</c>.</summary>
    BtfSocketCommon,

    /// <summary>A full socket (<c>struct bpf_sock</c>).</summary>
    Socket,
}

/// <summary>What a helper does with the memory an argument points to.</summary>
public enum HelperAccess
{
    None,

    /// <summary>It reads; read-only memory will do.</summary>
    Read,

    /// <summary>It writes, and the memory must be initialised before.</summary>
    ReadWrite,

    /// <summary>It writes; the memory need not be initialised.</summary>
    Write,
}

/// <param name="Size">Bytes of <see cref="HelperArgumentKind.Memory"/> of fixed size; 0 when the next register has the size.</param>
/// <param name="TypeName">The BTF type or the kind of dynptr; empty for other arguments.</param>
/// <param name="IsReleased">The call ends the program's ownership of it.</param>
/// <param name="IsAligned">The memory must be aligned to its size.</param>
public sealed record HelperArgument(HelperArgumentKind Kind, HelperAccess Access, bool IsNullable, bool IsReleased, bool IsAligned, int Size, string TypeName)
{
    internal static HelperArgument Parse(ReadOnlySpan<char> text)
    {
        HelperAccess access = HelperAccess.None;
        bool released = false;
        bool aligned = false;
        while (text.IndexOf(' ') is var space and >= 0)
        {
            switch (text[..space])
            {
                case "in":
                    access = HelperAccess.Read;
                    break;
                case "out":
                    access = HelperAccess.Write;
                    break;
                case "inout":
                    access = HelperAccess.ReadWrite;
                    break;
                case "aligned":
                    aligned = true;
                    break;
                case "release":
                    released = true;
                    break;
                default:
                    throw HelperTable.BadRow(text[..space]);
            }

            text = text[(space + 1)..];
        }

        bool nullable = text.EndsWith("?");
        text = nullable ? text[..^1] : text;
        int colon = text.IndexOf(':');
        ReadOnlySpan<char> word = colon < 0 ? text : text[..colon];
        ReadOnlySpan<char> detail = colon < 0 ? [] : text[(colon + 1)..];
        HelperArgumentKind kind = KindOf(word);
        int size = kind == HelperArgumentKind.Memory && detail.Length > 0 ? int.Parse(detail, System.Globalization.CultureInfo.InvariantCulture) : 0;
        if (access == HelperAccess.None && kind is HelperArgumentKind.MapKey or HelperArgumentKind.MapValue)
        {
            access = HelperAccess.Read;
        }

        return new HelperArgument(kind, access, nullable, released, aligned, size, size > 0 ? "" : detail.ToString());
    }

    private static HelperArgumentKind KindOf(ReadOnlySpan<char> word) => word switch
    {
        "any" => HelperArgumentKind.Anything,
        "scalar" => HelperArgumentKind.Scalar,
        "size" => HelperArgumentKind.ConstSize,
        "size0" => HelperArgumentKind.ConstSizeOrZero,
        "alloc0" => HelperArgumentKind.ConstAllocSizeOrZero,
        "ctx" => HelperArgumentKind.Context,
        "map" => HelperArgumentKind.ConstMap,
        "key" => HelperArgumentKind.MapKey,
        "value" => HelperArgumentKind.MapValue,
        "mem" => HelperArgumentKind.Memory,
        "stack" => HelperArgumentKind.Stack,
        "func" => HelperArgumentKind.Function,
        "timer" => HelperArgumentKind.Timer,
        "lock" => HelperArgumentKind.SpinLock,
        "dynptr" => HelperArgumentKind.Dynptr,
        "record" => HelperArgumentKind.RingbufRecord,
        "string" => HelperArgumentKind.ConstString,
        "percpu" => HelperArgumentKind.PerCpuPointer,
        "kptrslot" => HelperArgumentKind.KptrSlot,
        "kptr" => HelperArgumentKind.Kptr,
        "btf" => HelperArgumentKind.BtfPointer,
        "sock" => HelperArgumentKind.SocketCommon,
        "btfsock" => HelperArgumentKind.BtfSocketCommon,
        "fullsock" => HelperArgumentKind.Socket,
        _ => throw HelperTable.BadRow(word),
    };
}
