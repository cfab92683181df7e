using Osmia.Verification.Domains;

namespace Osmia.Verification.Facts;

/// <summary>What a register or stack slot holds, on every execution that comes by.</summary>
public enum ValueKind : byte
{
    /// <summary>Nothing holds on all of them.</summary>
    Unknown,
    Number,
    Context,
    Map,
    MapValue,
    MapKey,
    Stack,
    Packet,
    PacketMeta,
    PacketEnd,

    /// <summary>Memory that a helper or the caller handed out.</summary>
    Memory,

    /// <summary>A socket of one of the kernel's four kinds.</summary>
    Socket,
    FlowKeys,
    Function,

    /// <summary>An object of the kernel with a BTF type.</summary>
    Typed,

    /// <summary>A pointer of a kind this list has no word for.</summary>
    OtherPointer,
}

/// <summary>What holds of a value on every execution.</summary>
/// <param name="MayBeNull">A pointer that was not compared with null on some execution: it is that pointer or 0.</param>
/// <param name="Value">The number; of a pointer its distance in bytes from where its object begins (packet pointers: from the last place that was not constant).</param>
/// <param name="Map">Index of the map in the linked object for maps, map values and keys; -1 when it differs or is none.</param>
/// <param name="FramesUp">Of a stack pointer: 0 the own frame, 1 the caller's; -1 when it differs.</param>
public readonly record struct RegisterFact(ValueKind Kind, bool MayBeNull, Scalar Value, int Map, int FramesUp)
{
    public static RegisterFact Unknown { get; } = new(ValueKind.Unknown, true, Scalar.Unknown, -1, -1);

    /// <summary>A number that is the same on every execution.</summary>
    public bool IsConstant => Kind == ValueKind.Number && Value.IsConstant;

    /// <summary>What holds when one of the two does.</summary>
    public RegisterFact Join(in RegisterFact other)
    {
        if (this == other)
        {
            return this;
        }

        if (Kind != other.Kind || Kind == ValueKind.Unknown)
        {
            return Unknown;
        }

        return new RegisterFact(
            Kind,
            MayBeNull || other.MayBeNull,
            Value.Union(other.Value),
            Map == other.Map ? Map : -1,
            FramesUp == other.FramesUp ? FramesUp : -1);
    }

    /// <summary>Whether a number may stand here; anything may where nothing is known.</summary>
    public bool Allows(ulong number) => Kind switch
    {
        ValueKind.Number => Value.Contains(number),
        ValueKind.Unknown => true,
        _ => number != 0 || MayBeNull,
    };
}
