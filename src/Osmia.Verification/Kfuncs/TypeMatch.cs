using Osmia.Btf;

namespace Osmia.Verification.Kfuncs;

/// <summary>Whether an object of one type is, or begins with, an object of another.</summary>
/// <remarks>The rules of <c>btf_struct_ids_match</c> and <c>btf_struct_walk</c> in kernel/bpf/btf.c, Linux 6.18.</remarks>
internal static class TypeMatch
{
    private const int MaximumNesting = 3;

    /// <param name="offset">From the beginning of the object that is at hand.</param>
    /// <param name="isStrict">The types must be the same; what is nested does not count.</param>
    public static bool Holds(BtfTypes types, TypeId type, int offset, TypeId wanted, bool isStrict)
    {
        BtfType current = types.Resolve(type);
        if (offset == 0 && current.Id == wanted)
        {
            return true;
        }

        for (int depth = 0; !isStrict && depth < BtfTypes.MaximumDepth; depth++)
        {
            if (Nested(types, current, offset) is not { } inner)
            {
                return false;
            }

            if (inner.Id == wanted)
            {
                return true;
            }

            (current, offset) = (inner, 0);
        }

        return false;
    }

    /// <summary>A structure of numbers, or of such structures: memory that a kernel function may be given without a type.</summary>
    public static bool IsOfNumbers(BtfTypes types, BtfType type, int depth = 0)
    {
        if (type.Kind is not (BtfKind.Struct or BtfKind.Union))
        {
            return false;
        }

        for (int i = 0; i < type.Count; i++)
        {
            BtfType member = types.Resolve(type.Member(i).Type);
            if (member.Kind is BtfKind.Struct or BtfKind.Union)
            {
                if (depth >= MaximumNesting || !IsOfNumbers(types, member, depth + 1))
                {
                    return false;
                }

                continue;
            }

            if (member.Kind == BtfKind.Array)
            {
                if (member.ElementCount == 0)
                {
                    return false;
                }

                member = types.Resolve(member.ElementId);
            }

            if (!KfuncParameter.IsNumberType(member))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Types that differ by the ending <c>___init</c> are kept apart although one begins with the other.</summary>
    public static bool IsKeptApart(string one, string other)
    {
        const string ending = "___init";
        return (one.EndsWith(ending, StringComparison.Ordinal) && one.AsSpan(..^ending.Length).SequenceEqual(other))
            || (other.EndsWith(ending, StringComparison.Ordinal) && other.AsSpan(..^ending.Length).SequenceEqual(one));
    }

    /// <summary>The structure that begins exactly at an offset, or null.</summary>
    private static BtfType? Nested(BtfTypes types, BtfType type, int offset)
    {
        for (int depth = 0; depth < BtfTypes.MaximumDepth && type.Kind is BtfKind.Struct or BtfKind.Union && offset < type.Size; depth++)
        {
            bool isInner = false;
            for (int i = 0; i < type.Count && !isInner; i++)
            {
                BtfMember member = type.Member(i);
                if (member.BitfieldSize > 0 || offset < member.ByteOffset)
                {
                    continue;
                }

                long length = types.SizeOf(member.Type);
                if (length <= 0 || offset >= member.ByteOffset + length)
                {
                    continue;
                }

                int within = offset - member.ByteOffset;
                BtfType inner = types.Resolve(member.Type);
                while (inner.Kind == BtfKind.Array)
                {
                    length /= Math.Max(inner.ElementCount, 1);
                    within %= (int)length;
                    inner = types.Resolve(inner.ElementId);
                }

                if (inner.Kind is not (BtfKind.Struct or BtfKind.Union))
                {
                    return null;
                }

                if (within == 0)
                {
                    return inner;
                }

                (type, offset, isInner) = (inner, within, true);
            }

            if (!isInner)
            {
                return null;
            }
        }

        return null;
    }
}
