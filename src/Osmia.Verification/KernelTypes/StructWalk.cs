using Osmia.Btf;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification.KernelTypes;

internal enum MemberKind
{
    /// <summary>Nothing may be read there; <see cref="FoundMember.Name"/> says why.</summary>
    Nothing,
    Number,

    /// <summary>A pointer to <see cref="FoundMember.Type"/>, a structure.</summary>
    Pointer,

    /// <summary>A pointer to anything else: it may be read with faults caught, and nothing more is known of it.</summary>
    PlainPointer,

    /// <summary>The start of a structure inside, <see cref="FoundMember.Type"/>.</summary>
    Structure,
}

/// <summary>What stands at some bytes of a kernel object.</summary>
/// <param name="Traits">By type tags, and untrusted when a union stood on the way.</param>
/// <param name="Name">The member's own, of a pointer.</param>
internal readonly record struct FoundMember(MemberKind Kind, TypeId Type, PointerTraits Traits, string Name);

/// <summary>Finds what a load of some bytes of a structure meets, through structures, unions and arrays inside it.</summary>
/// <remarks>The rules of <c>btf_struct_walk</c> in kernel/bpf/btf.c, Linux 6.18.</remarks>
internal static class StructWalk
{
    /// <summary>Goes inside until a number or a pointer is found.</summary>
    public static FoundMember Find(BtfTypes types, TypeId structure, int offset, int size)
    {
        var traits = PointerTraits.None;
        while (true)
        {
            FoundMember found = Step(types, structure, offset, size, ref traits);
            if (found.Kind != MemberKind.Structure)
            {
                return found.Kind != MemberKind.Nothing ? found : throw Stop.Reject(CheckFamily.Dereference, found.Name);
            }

            (structure, offset) = (found.Type, 0);
        }
    }

    /// <summary>Whether a pointer to <paramref name="type"/> moved by an offset is one to <paramref name="wanted"/>: that itself, or a structure that begins there.</summary>
    public static bool Leads(BtfTypes types, TypeId type, int offset, TypeId wanted, bool isStrict)
    {
        if (offset == 0 && type == wanted)
        {
            return true;
        }

        if (isStrict || offset < 0)
        {
            return false;
        }

        var traits = PointerTraits.None;
        while (true)
        {
            FoundMember found = Step(types, type, offset, 1, ref traits);
            if (found.Kind != MemberKind.Structure || found.Type == wanted)
            {
                return found.Kind == MemberKind.Structure;
            }

            (type, offset) = (found.Type, 0);
        }
    }

    private static FoundMember Step(BtfTypes types, TypeId id, int offset, int size, ref PointerTraits traits)
    {
        BtfType type = types.Resolve(id);
        while (true)
        {
            if (type.Kind is not (BtfKind.Struct or BtfKind.Union))
            {
                return Nothing($"'{type.Name}' is no structure");
            }

            if (type.Kind == BtfKind.Union && type.Count != 1)
            {
                // Nobody says which of its members is meant.
                traits |= PointerTraits.Untrusted;
            }

            if ((long)offset + size > type.Size)
            {
                if (PastEnd(types, ref type, ref offset, size, traits) is { } behind)
                {
                    return behind;
                }

                continue;
            }

            if (Member(types, ref type, ref offset, size, ref traits) is { } found)
            {
                return found;
            }
        }
    }

    /// <summary>Behind the end only an array without a length of its own goes on.</summary>
    /// <returns>Null when it is an array of structures: then the type to go on in is set.</returns>
    private static FoundMember? PastEnd(BtfTypes types, ref BtfType type, ref int offset, int size, PointerTraits traits)
    {
        if (type.Count > 0)
        {
            BtfMember last = type.Member(type.Count - 1);
            BtfType array = types.Resolve(last.Type);
            if (array.Kind == BtfKind.Array && array.ElementCount == 0 && offset >= last.ByteOffset)
            {
                BtfType element = types.Resolve(array.ElementId);
                if (element.Kind == BtfKind.Int)
                {
                    return new FoundMember(MemberKind.Number, default, traits, "");
                }

                if (element.Kind is BtfKind.Struct or BtfKind.Union && element.Size > 0)
                {
                    offset = (offset - last.ByteOffset) % (int)element.Size;
                    type = element;
                    return null;
                }
            }
        }

        return Nothing($"bytes {offset} to {offset + size} are beyond {Name(type)}, which has {type.Size}");
    }

    /// <summary>What stands at an offset; null when it lies within a structure, which is then set with the offset in it.</summary>
    private static FoundMember? Member(BtfTypes types, ref BtfType type, ref int offset, int size, ref PointerTraits traits)
    {
        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            int start = member.ByteOffset;
            if (offset + size <= start)
            {
                break;
            }

            if (member.BitfieldSize > 0)
            {
                int end = (member.BitOffset + member.BitfieldSize + 7) / 8;
                if (offset <= start && end <= offset + size)
                {
                    return new FoundMember(MemberKind.Number, default, traits, "");
                }

                continue;
            }

            if (offset < start)
            {
                break;
            }

            long length = types.SizeOf(member.Type);
            if (length < 0)
            {
                return Nothing($"member '{types.String(member.NameOffset)}' of {Name(type)} has no size");
            }

            long memberEnd = start + length;
            if (offset >= memberEnd)
            {
                continue;
            }

            (BtfType found, TypeId id) = Element(types, member.Type, ref start, ref length, offset);
            if (found.Kind is BtfKind.Struct or BtfKind.Union)
            {
                if (offset == start)
                {
                    return new FoundMember(MemberKind.Structure, id, traits, "");
                }

                (type, offset) = (found, offset - start);
                return null;
            }

            if (found.Kind == BtfKind.Pointer)
            {
                return length == size && offset == start
                    ? Pointer(types, found, types.String(member.NameOffset), ref traits)
                    : Nothing($"{size} bytes at offset {offset} are part of pointer '{types.String(member.NameOffset)}' of {Name(type)}: a pointer is read whole");
            }

            return offset + size <= memberEnd || (traits & PointerTraits.Untrusted) != 0
                ? new FoundMember(MemberKind.Number, default, traits, "")
                : Nothing($"{size} bytes at offset {offset} reach beyond member '{types.String(member.NameOffset)}' of {Name(type)}");
        }

        return Nothing($"{Name(type)} has no member at offset {offset}");
    }

    /// <summary>A member's type; of arrays, of any number of dimensions, the element that the offset is in.</summary>
    private static (BtfType Type, TypeId Id) Element(BtfTypes types, TypeId id, ref int start, ref long length, int offset)
    {
        BtfType type = types.Resolve(id);
        if (type.Kind != BtfKind.Array)
        {
            return (type, type.Id);
        }

        long count = 1;
        while (type.Kind == BtfKind.Array)
        {
            count *= type.ElementCount;
            type = types.Resolve(type.ElementId);
        }

        length /= Math.Max(count, 1);
        start += (int)((offset - start) / Math.Max(length, 1) * length);
        return (type, type.Id);
    }

    private static FoundMember Pointer(BtfTypes types, BtfType pointer, string name, ref PointerTraits traits)
    {
        BtfType pointee = types.Resolve(pointer.ReferencedId);
        return pointee.Kind is BtfKind.Struct or BtfKind.Union
            ? new FoundMember(MemberKind.Pointer, pointee.Id, traits | TagsOf(types, pointer), name)
            : new FoundMember(MemberKind.PlainPointer, default, traits, name);
    }

    /// <summary>What the first tag of what a pointer points to says.</summary>
    public static PointerTraits TagsOf(BtfTypes types, BtfType pointer) => types[pointer.ReferencedId] is { Kind: BtfKind.TypeTag, KindFlag: false } tag
        ? tag.Name switch
        {
            "user" => PointerTraits.User,
            "percpu" => PointerTraits.PerCpu,
            "rcu" => PointerTraits.Rcu,
            _ => PointerTraits.None,
        }
        : PointerTraits.None;

    private static FoundMember Nothing(string reason) => new(MemberKind.Nothing, default, PointerTraits.None, reason);

    private static string Name(BtfType type) => $"{(type.Kind == BtfKind.Union ? "union" : "struct")} {type.Name}";
}
