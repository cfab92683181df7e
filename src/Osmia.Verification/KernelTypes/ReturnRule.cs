using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Verification.KernelTypes;

/// <summary>What a program may leave in r0 at its end.</summary>
/// <param name="IsRead">Nobody looks at r0 of a program that stands for a function without a result: it may hold nothing.</param>
/// <param name="Range">Null when any number or pointer will do.</param>
internal sealed record ReturnRule(bool IsRead, ReturnRange? Range)
{
    public static readonly ReturnRule Nothing = new(false, null);
    public static readonly ReturnRule Anything = new(true, null);

    /// <summary>The lower 32 bits are looked at alone.</summary>
    public bool IsLowHalf { get; init; }

    /// <summary>Instead of 0 a reference to an object of this type of the target; void when none will do.</summary>
    public TypeId ObjectType { get; init; }

    public static ReturnRule Within(ReturnRange range) => new(true, range);

    public static ReturnRule Object(TypeId type) => new(true, new ReturnRange(0, 0)) { ObjectType = type };
}
