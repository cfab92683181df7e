using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// Whole types held against each other: loosely (same kind and name) for "exists" and "size", member by member for "matches".
/// A pair of types is looked at once, so that types that refer to each other cost no more than their number.
/// </summary>
internal sealed class CoreTypeShape
{
    private readonly BtfTypes _localTypes;
    private readonly BtfTypes _target;
    private readonly bool _byMembers;
    private readonly Dictionary<(TypeId Local, TypeId Target, bool BehindPointer), bool> _known = [];

    private CoreTypeShape(BtfTypes localTypes, BtfTypes target, bool byMembers) => (_localTypes, _target, _byMembers) = (localTypes, target, byMembers);

    public static bool IsCompatible(BtfTypes localTypes, TypeId localId, BtfTypes target, TypeId targetId) =>
        new CoreTypeShape(localTypes, target, byMembers: false).Fits(localId, targetId, behindPointer: false, depth: 0);

    public static bool Matches(BtfTypes localTypes, TypeId localId, BtfTypes target, TypeId targetId) =>
        new CoreTypeShape(localTypes, target, byMembers: true).Fits(localId, targetId, behindPointer: false, depth: 0);

    private bool Fits(TypeId localId, TypeId targetId, bool behindPointer, int depth)
    {
        if (depth > BtfTypes.MaximumDepth)
        {
            return false;
        }

        BtfType local = _localTypes.Resolve(localId);
        BtfType other = _target.Resolve(targetId);
        var pair = (local.Id, other.Id, behindPointer);
        if (_known.TryGetValue(pair, out bool fits))
        {
            return fits;
        }

        // A type that contains itself fits as far as the rest of it does.
        _known[pair] = true;
        return _known[pair] = _byMembers ? Matches(local, other, behindPointer, depth) : IsCompatible(local, other, depth);
    }

    private bool IsCompatible(BtfType local, BtfType other, int depth) => CoreMatcher.KindsFit(local.Kind, other.Kind) && local.Kind switch
    {
        BtfKind.Int => local.IntBitOffset == 0 && other.IntBitOffset == 0,
        BtfKind.Pointer => Fits(local.ReferencedId, other.ReferencedId, behindPointer: false, depth + 1),
        BtfKind.Array => Fits(local.ElementId, other.ElementId, behindPointer: false, depth + 1),
        BtfKind.FunctionPrototype => PrototypesFit(local, other, behindPointer: false, depth),
        _ => true,
    };

    private bool Matches(BtfType local, BtfType other, bool behindPointer, int depth)
    {
        if (!BtfTypes.EssentialName(local.NameBytes).SequenceEqual(BtfTypes.EssentialName(other.NameBytes)))
        {
            return false;
        }

        // Behind a pointer the name of a struct or union is enough, and a forward declaration stands for the whole type.
        bool localIsComposite = local.Kind.IsComposite() || local.Kind == BtfKind.Forward;
        if (behindPointer && localIsComposite && (other.Kind.IsComposite() || other.Kind == BtfKind.Forward))
        {
            return IsUnion(local) == IsUnion(other);
        }

        return CoreMatcher.KindsFit(local.Kind, other.Kind) && local.Kind switch
        {
            BtfKind.Int => local.Size == other.Size && local.IsSigned == other.IsSigned,
            BtfKind.Float => local.Size == other.Size,
            BtfKind.Forward => IsUnion(local) == IsUnion(other),
            BtfKind.Pointer => Fits(local.ReferencedId, other.ReferencedId, behindPointer: true, depth + 1),
            BtfKind.Array => local.ElementCount == other.ElementCount && Fits(local.ElementId, other.ElementId, behindPointer, depth + 1),
            BtfKind.Enum or BtfKind.Enum64 => EnumeratorsMatch(local, other),
            BtfKind.Struct or BtfKind.Union => MembersMatch(local, other, behindPointer, depth),
            BtfKind.FunctionPrototype => PrototypesFit(local, other, behindPointer, depth),
            _ => true,
        };
    }

    private static bool IsUnion(BtfType type) => type.Kind == BtfKind.Union || (type.Kind == BtfKind.Forward && type.KindFlag);

    private static bool EnumeratorsMatch(BtfType local, BtfType other)
    {
        var names = Enumerable.Range(0, other.Count).Select(i => BtfTypes.EssentialName(other.Owner.String(other.Enumerator(i).NameOffset))).ToHashSet(StringComparer.Ordinal);
        return Enumerable.Range(0, local.Count).All(i => names.Contains(BtfTypes.EssentialName(local.Owner.String(local.Enumerator(i).NameOffset))));
    }

    private bool MembersMatch(BtfType local, BtfType other, bool behindPointer, int depth)
    {
        ILookup<string, TypeId> candidates = Enumerable.Range(0, other.Count).ToLookup(i => BtfTypes.EssentialName(other.MemberName(i)), i => other.Member(i).Type);
        return Enumerable.Range(0, local.Count).All(i =>
        {
            TypeId type = local.Member(i).Type;
            return candidates[BtfTypes.EssentialName(local.MemberName(i))].Any(candidate => Fits(type, candidate, behindPointer, depth + 1));
        });
    }

    private bool PrototypesFit(BtfType local, BtfType other, bool behindPointer, int depth)
    {
        if (local.Count != other.Count)
        {
            return false;
        }

        for (int i = 0; i < local.Count; i++)
        {
            if (!Fits(local.Parameter(i).Type, other.Parameter(i).Type, behindPointer, depth + 1))
            {
                return false;
            }
        }

        return Fits(local.ReferencedId, other.ReferencedId, behindPointer, depth + 1);
    }
}
