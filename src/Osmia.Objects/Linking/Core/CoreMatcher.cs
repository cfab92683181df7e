using System.Diagnostics.CodeAnalysis;
using System.Text;
using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// Finds a local access path in a candidate type of the target, by member names, descending into anonymous structs and
/// unions. Rules: Documentation/bpf/llvm_reloc.rst and the matching rules of libbpf's CO-RE.
/// </summary>
internal static class CoreMatcher
{
    private const int MaximumAnonymous = 8;
    private const int MaximumNames = 4096;

    /// <summary>Kinds that may stand for each other: an enumeration may grow to 64 bits.</summary>
    public static bool KindsFit(BtfKind local, BtfKind target) => local == target || (local.IsEnum() && target.IsEnum());

    public static CoreSpec? Match(CoreSpec local, CoreRelocationKind kind, BtfTypes target, TypeId candidate)
    {
        if (kind.IsEnumerator())
        {
            return MatchEnumerator(local, target, candidate);
        }

        if (!kind.IsField())
        {
            bool fits = kind == CoreRelocationKind.TypeMatches
                ? CoreTypeShape.Matches(local.Types, local.Root, target, candidate)
                : CoreTypeShape.IsCompatible(local.Types, local.Root, target, candidate);
            return fits ? new CoreSpec(target, candidate, [new CoreStep(candidate, 0, null, candidate, 0, 0)], 0) : null;
        }

        return MatchField(local, target, candidate);
    }

    private static CoreSpec? MatchEnumerator(CoreSpec local, BtfTypes target, TypeId candidate)
    {
        BtfType from = local.Types.Resolve(local.Root);
        BtfType to = target.Resolve(candidate);
        string wanted = BtfTypes.EssentialName(local.Types.String(from.Enumerator(local.EnumeratorIndex).NameOffset));
        for (int i = 0; to.Kind.IsEnum() && i < to.Count; i++)
        {
            if (BtfTypes.EssentialName(target.String(to.Enumerator(i).NameOffset)) == wanted)
            {
                return new CoreSpec(target, candidate, [new CoreStep(candidate, i, wanted, candidate, 0, 0)], 0);
            }
        }

        return null;
    }

    private static CoreSpec? MatchField(CoreSpec local, BtfTypes target, TypeId candidate)
    {
        List<CoreStep> steps = Walk(local, target, candidate, out long bits, out _);
        return steps.Count == local.Steps.Count ? new CoreSpec(target, candidate, steps, bits) : null;
    }

    /// <summary>How many steps of a path a candidate has, the root counted, and the type in which the next one is missing.</summary>
    public static int LongestMatch(CoreSpec local, BtfTypes target, TypeId candidate, out BtfType holder) =>
        Walk(local, target, candidate, out _, out holder).Count;

    /// <summary>Names of members, those of anonymous structs and unions within included.</summary>
    public static List<string> MemberNames(BtfTypes types, BtfType composite)
    {
        var names = new List<string>();
        AddNames(composite, 0);
        return names;

        void AddNames(BtfType type, int depth)
        {
            for (int i = 0; type.Kind.IsComposite() && depth < MaximumAnonymous && i < type.Count && names.Count < MaximumNames; i++)
            {
                BtfMember member = type.Member(i);
                if (member.NameOffset == 0)
                {
                    AddNames(types.Resolve(member.Type), depth + 1);
                }
                else
                {
                    names.Add(types.String(member.NameOffset));
                }
            }
        }
    }

    public static BtfKind MemberKind(BtfTypes types, BtfType composite, string name)
    {
        for (int i = 0; composite.Kind.IsComposite() && i < composite.Count; i++)
        {
            BtfMember member = composite.Member(i);
            if (types.String(member.NameOffset) == name)
            {
                return types.Resolve(member.Type).Kind;
            }
        }

        return BtfKind.Void;
    }

    /// <summary>The steps of a path that a candidate has, from the root on.</summary>
    private static List<CoreStep> Walk(CoreSpec local, BtfTypes target, TypeId candidate, out long bits, out BtfType holder)
    {
        long size = target.SizeOf(candidate);
        CoreStep first = local.Steps[0];
        var steps = new List<CoreStep> { new(candidate, first.Index, null, candidate, 0, 0) };
        bits = first.Index * Math.Max(size, 0) * 8;
        TypeId id = candidate;
        holder = target.Resolve(id);
        for (int i = 1; i < local.Steps.Count; i++)
        {
            CoreStep step = local.Steps[i];
            holder = target.Resolve(id);
            if (step.Name is { } name)
            {
                HashSet<int>? searched = null;
                if (!TryMember(local.Types, step, target, holder, Encoding.UTF8.GetBytes(name), depth: 0, ref bits, ref searched, out CoreStep? found))
                {
                    return steps;
                }

                steps.Add(found);
                id = found.Type;
            }
            else
            {
                // A flexible array at the end of a struct has zero elements and takes any index; one within a struct does not.
                if (holder.Kind != BtfKind.Array || (step.Index >= holder.ElementCount && !IsFlexible(target, steps[^1], holder)) || target.SizeOf(holder.ElementId) is not (>= 0 and var element))
                {
                    return steps;
                }

                bits += step.Index * element * 8;
                id = holder.ElementId;
                steps.Add(new CoreStep(holder.Id, step.Index, null, id, 0, 0));
            }
        }

        return steps;
    }

    private static bool IsFlexible(BtfTypes types, CoreStep member, BtfType array) =>
        array.ElementCount == 0 && member.Name is not null && member.Index == types[member.Composite].Count - 1;

    private static bool TryMember(BtfTypes localTypes, CoreStep local, BtfTypes target, BtfType composite, ReadOnlySpan<byte> wanted, int depth, ref long bits, ref HashSet<int>? searched, [NotNullWhen(true)] out CoreStep? found)
    {
        found = null;
        if (!composite.Kind.IsComposite() || depth > BtfTypes.MaximumDepth)
        {
            return false;
        }

        for (int i = 0; i < composite.Count; i++)
        {
            BtfMember member = composite.Member(i);
            long before = bits;
            if (member.NameOffset == 0)
            {
                // A type that did not hold the name need not be searched again; types that hold themselves end here too.
                if (!(searched ??= []).Add(target.Resolve(member.Type).Id.Value))
                {
                    continue;
                }

                bits += member.BitOffset;
                if (TryMember(localTypes, local, target, target.Resolve(member.Type), wanted, depth + 1, ref bits, ref searched, out found))
                {
                    return true;
                }

                bits = before;
            }
            else if (target.StringBytes(member.NameOffset).SequenceEqual(wanted))
            {
                bits += member.BitOffset;
                found = new CoreStep(composite.Id, i, local.Name, member.Type, member.BitOffset, member.BitfieldSize);
                return FieldsFit(localTypes, local.Type, target, member.Type);
            }
        }

        return false;
    }

    private static bool FieldsFit(BtfTypes localTypes, TypeId localId, BtfTypes target, TypeId targetId)
    {
        for (int depth = 0; depth < BtfTypes.MaximumDepth; depth++)
        {
            BtfType local = localTypes.Resolve(localId);
            BtfType other = target.Resolve(targetId);
            if (local.Kind.IsComposite() && other.Kind.IsComposite())
            {
                return true;
            }

            if (!KindsFit(local.Kind, other.Kind))
            {
                return false;
            }

            switch (local.Kind)
            {
                case BtfKind.Pointer or BtfKind.Float:
                    return true;
                case BtfKind.Forward or BtfKind.Enum or BtfKind.Enum64:
                    return local.NameBytes.IsEmpty || other.NameBytes.IsEmpty
                        || BtfTypes.EssentialName(local.NameBytes).SequenceEqual(BtfTypes.EssentialName(other.NameBytes));
                case BtfKind.Int:
                    return local.IntBitOffset == 0 && other.IntBitOffset == 0;
                case BtfKind.Array:
                    (localId, targetId) = (local.ElementId, other.ElementId);
                    break;
                default:
                    return false;
            }
        }

        return false;
    }
}
