using Osmia.Verification.Domains;

namespace Osmia.Verification.State;

/// <summary>What a register holds.</summary>
internal enum RegisterKind : byte
{
    NotInitialised,
    Number,
    Context,
    Map,
    MapValue,
    MapKey,
    Stack,
    Packet,
    PacketMeta,
    PacketEnd,

    /// <summary>Memory of a known size: what a helper handed out.</summary>
    Memory,
    Socket,
    SocketCommon,
    TcpSocket,
    XdpSocket,
    FlowKeys,
    Function,

    /// <summary>An object with a BTF type: the kernel's, or with <see cref="PointerTraits.Allocated"/> the program's own.</summary>
    Typed,

    /// <summary>A dynptr: where it stands on the stack, or one that a function was handed to look at.</summary>
    Dynptr,

    /// <summary>An open-coded iterator; stands on the stack only.</summary>
    Iterator,

    /// <summary>Saved interrupt flags; stand on the stack only.</summary>
    IrqFlag,

    /// <summary>Memory of an arena: any offset is one of its bytes or faults without harm.</summary>
    Arena,

    /// <summary>Bytes of which a later attach says how many there are: keys and values that an iterator hands out.</summary>
    Buffer,

    /// <summary>The writable bytes of a raw tracepoint, as many as its attach says.</summary>
    TracepointBuffer,
}

[Flags]
internal enum PointerTraits : ushort
{
    None = 0,

    /// <summary>May be null until the program has compared it.</summary>
    Nullable = 1,
    ReadOnly = 2,

    /// <summary>A record of a ring buffer.</summary>
    RingRecord = 4,

    /// <summary>The kernel vouches for a typed pointer; others may be null or stale, and are read with faults caught.</summary>
    Trusted = 8,

    /// <summary>A typed pointer into user memory, which is no memory to touch.</summary>
    User = 16,

    /// <summary>A typed pointer to per-CPU data, which a helper resolves first.</summary>
    PerCpu = 32,

    /// <summary>Good until the RCU section ends, or the lock is released.</summary>
    Rcu = 64,

    /// <summary>A typed pointer that may be stale: it can be read, with faults caught, and handed to nobody. Memory with it has no known size.</summary>
    Untrusted = 128,

    /// <summary>Allocated by the program; the type is one of the object's own.</summary>
    Allocated = 256,

    /// <summary>A node that a list or tree owns: good while its lock is held.</summary>
    NonOwning = 512,

    /// <summary>The type is one of the object's own although the pointer may be stale (an untrusted kptr).</summary>
    Local = 1024,

    /// <summary>A slice of a packet through a dynptr: it ends when the packet changes.</summary>
    PacketSlice = 2048,
}

/// <summary>One register, or a spilled one: the kernel's <c>bpf_reg_state</c>.</summary>
internal partial struct RegisterState
{
    public RegisterKind Kind;
    public PointerTraits Traits;

    /// <summary>The number; of a pointer, the part of its offset that is not constant.</summary>
    public Scalar Number;

    /// <summary>The constant part of a pointer's offset, in bytes. Of a number with an id: what was added to it since it was copied.</summary>
    public int Offset;

    /// <summary>Something was added to a number since it was copied, be it 0.</summary>
    public bool IsSum;

    /// <summary>What was added was added to the low 32 bits, of a number that had no others.</summary>
    public bool LinksLow;

    /// <summary>Numbers and pointers with one id were copied from each other, or are null together. 0 for none.</summary>
    public int Id;

    /// <summary>The reference the program must release, 0 for none.</summary>
    public int ReferenceId;

    /// <summary>Bytes of the packet known to be there behind a packet pointer without its offset. Of an active iterator, the elements it has given.</summary>
    public int Range;

    /// <summary>Index of the map in the linked object, of maps and what is in them.</summary>
    public int Map;

    /// <summary>Bytes of <see cref="RegisterKind.Memory"/>.</summary>
    public int MemorySize;

    /// <summary>The frame a stack pointer points into, or the first slot of a function.</summary>
    public int Frame;

    /// <summary>The type in the target's BTF of a <see cref="RegisterKind.Typed"/> pointer.</summary>
    public int Type;

    /// <summary>Of a slice, the id of the dynptr it was taken from; of a dynptr, its own id.</summary>
    public int Owner;

    /// <summary>Two pointers of one kind are the same but for their numbers, ranges and ids, which comparison looks at by themselves.</summary>
    public static bool AreAlike(in RegisterState left, in RegisterState right) =>
        left.Offset == right.Offset && left.Map == right.Map && left.MemorySize == right.MemorySize && left.Frame == right.Frame && left.Type == right.Type;

    public readonly bool IsNumber => Kind == RegisterKind.Number;

    public readonly bool IsPointer => Kind > RegisterKind.Number;

    public readonly bool IsNullable => (Traits & PointerTraits.Nullable) != 0;

    public readonly bool IsReadOnly => (Traits & PointerTraits.ReadOnly) != 0;

    public readonly bool IsConstant => Kind == RegisterKind.Number && Number.IsConstant;

    /// <summary>The constant 0, which stands for a null pointer too.</summary>
    public readonly bool IsNull => IsConstant && Number.Value == 0;

    public readonly bool IsPacketPointer => Kind is RegisterKind.Packet or RegisterKind.PacketMeta;

    public static RegisterState Of(Scalar number) => new() { Kind = RegisterKind.Number, Number = number };

    public static RegisterState Constant(ulong value) => Of(Scalar.Constant(value));

    public static RegisterState Unknown => Of(Scalar.Unknown);

    /// <summary>A number of 1, 2, 4 or 8 bytes, of which nothing else is known.</summary>
    public static RegisterState Bytes(int size) => size == sizeof(ulong) ? Unknown : Of(Scalar.OfBits(Tnum.Unknown.ZeroExtend(size)));

    /// <summary>A pointer without an offset.</summary>
    public static RegisterState Pointer(RegisterKind kind, PointerTraits traits = PointerTraits.None) => new() { Kind = kind, Traits = traits, Number = Scalar.Constant(0) };

    /// <summary>In the words of a message.</summary>
    public readonly string Describe()
    {
        string what = Kind switch
        {
            RegisterKind.NotInitialised => "nothing",
            RegisterKind.Number => "a number",
            RegisterKind.Context => "the context",
            RegisterKind.Map => "a map",
            RegisterKind.MapValue => "a map value",
            RegisterKind.MapKey => "a map key",
            RegisterKind.Stack => "a pointer into the stack",
            RegisterKind.Packet => "a pointer into the packet",
            RegisterKind.PacketMeta => "a pointer into the packet's metadata",
            RegisterKind.PacketEnd => "the end of the packet",
            RegisterKind.Memory => (Traits & PointerTraits.RingRecord) != 0 ? "a ring buffer record" : "memory",
            RegisterKind.FlowKeys => "flow keys",
            RegisterKind.Function => "a function",
            RegisterKind.Typed => (Traits & (PointerTraits.Allocated | PointerTraits.Local)) != 0 ? "an object of the program"
                : (Traits & PointerTraits.Untrusted) != 0 ? "an untrusted kernel pointer"
                : "a kernel pointer",
            RegisterKind.Dynptr => "a dynptr",
            RegisterKind.Iterator => "an iterator",
            RegisterKind.IrqFlag => "saved interrupt flags",
            RegisterKind.Arena => "arena memory",
            RegisterKind.Buffer => "a buffer",
            RegisterKind.TracepointBuffer => "the tracepoint's buffer",
            _ => "a socket",
        };
        return IsNullable ? what + " or null" : what;
    }
}
