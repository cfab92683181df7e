namespace Osmia.Verification.State;

/// <summary>What a dynptr is a view of.</summary>
internal enum DynptrKind
{
    Any,
    Local,
    RingBuffer,
    Skb,
    Xdp,
    SkbMeta,
}

internal enum IteratorState
{
    Active = 1,

    /// <summary>Has given its last element.</summary>
    Drained = 2,
}

// Dynptrs, iterators and saved interrupt flags, as they stand in slots of the stack.
internal partial struct RegisterState
{
    private const PointerTraits TrustedTraits = PointerTraits.Trusted | PointerTraits.Allocated | PointerTraits.NonOwning;
    private const PointerTraits UnsafeTraits = ~(TrustedTraits | PointerTraits.Local);

    /// <summary>Of a dynptr.</summary>
    public readonly DynptrKind DynptrKind => (DynptrKind)Type;

    /// <summary>Of a dynptr, an iterator: this is the slot it begins with.</summary>
    public readonly bool IsFirstSlot => Frame == 0;

    public readonly IteratorState IteratorState => (IteratorState)MemorySize;

    /// <summary>The type of an object is one of the program's own.</summary>
    public readonly bool IsLocalObject => Kind == RegisterKind.Typed && (Traits & (PointerTraits.Allocated | PointerTraits.Local)) != 0;

    public readonly bool HasUnsafeTraits => (Traits & UnsafeTraits) != 0;

    /// <summary>The kernel vouches for what it points to: a reference is held, or it is told to be so.</summary>
    public readonly bool IsTrusted => ReferenceId != 0
        || (Kind is RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.Map && !HasUnsafeTraits)
        || ((Traits & TrustedTraits) != 0 && !HasUnsafeTraits);

    public static RegisterState Dynptr(DynptrKind kind, int id, int reference, bool isFirst) =>
        Pointer(RegisterKind.Dynptr) with { Type = (int)kind, Owner = id, ReferenceId = reference, Frame = isFirst ? 0 : 1 };

    /// <param name="type">Of the iterator, in the target's BTF.</param>
    public static RegisterState Iterator(int type, int reference, PointerTraits traits, bool isFirst) =>
        Pointer(RegisterKind.Iterator, traits) with { Type = type, ReferenceId = reference, Frame = isFirst ? 0 : 1, MemorySize = (int)IteratorState.Active };

    /// <param name="kind">Which functions saved them: 0 of the interrupts, 1 of a lock.</param>
    public static RegisterState IrqFlag(int id, int kind) => Pointer(RegisterKind.IrqFlag) with { ReferenceId = id, Type = kind };
}
