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
        long size = target.SizeOf(candidate);
        CoreStep first = local.Steps[0];
        var steps = new List<CoreStep> { new(candidate, first.Index, null, candidate, 0, 0) };
        long bits = first.Index * Math.Max(size, 0) * 8;
        TypeId id = candidate;
        for (int i = 1; i < local.Steps.Count; i++)
        {
            CoreStep step = local.Steps[i];
            BtfType type = target.Resolve(id);
            if (step.Name is { } name)
            {
                HashSet<int>? searched = null;
                if (!TryMember(local.Types, step, target, type, Encoding.UTF8.GetBytes(name), depth: 0, ref bits, ref searched, out CoreStep? found))
                {
                    return null;
                }

                steps.Add(found);
                id = found.Type;
            }
            else
            {
                // A flexible array at the end of a struct has zero elements and takes any index.
                if (type.Kind != BtfKind.Array || (type.ElementCount != 0 && step.Index >= type.ElementCount) || target.SizeOf(type.ElementId) is not (>= 0 and var element))
                {
                    return null;
                }

                bits += step.Index * element * 8;
                id = type.ElementId;
                steps.Add(new CoreStep(type.Id, step.Index, null, id, 0, 0));
            }
        }

        return new CoreSpec(target, candidate, steps, bits);
    }

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
