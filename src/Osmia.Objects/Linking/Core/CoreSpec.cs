using System.Globalization;
using System.Text;
using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>One step of an access path: an array element (no name) or a named member of <see cref="Composite"/>.</summary>
internal sealed record CoreStep(TypeId Composite, int Index, string? Name, TypeId Type, int BitOffset, int BitfieldSize);

/// <summary>An access path read against one BTF: from a root type to a field, an enumerator or the type itself.</summary>
internal sealed class CoreSpec(BtfTypes types, TypeId root, IReadOnlyList<CoreStep> steps, long bitOffset)
{
    public BtfTypes Types { get; } = types;

    public TypeId Root { get; } = root;

    public IReadOnlyList<CoreStep> Steps { get; } = steps;

    /// <summary>Bits from the start of the root type to the field.</summary>
    public long BitOffset { get; } = bitOffset;

    /// <summary>The enumerator of an enumerator path.</summary>
    public int EnumeratorIndex => Steps[0].Index;

    /// <summary>Reads a path of the local object; null with a reason when the record is nonsense.</summary>
    public static CoreSpec? Parse(BtfTypes types, CoreRelocation relocation, out string problem)
    {
        problem = "";
        int[]? path = ParsePath(relocation.AccessPath);
        if (path is null || types[relocation.Type].IsVoid)
        {
            problem = $"type {relocation.Type} with access path '{relocation.AccessPath}' is not a CO-RE record";
            return null;
        }

        if (!relocation.Kind.IsField())
        {
            bool fits = path.Length == 1 && (relocation.Kind.IsEnumerator()
                ? types.Resolve(relocation.Type) is var type && type.Kind.IsEnum() && path[0] < type.Count
                : path[0] == 0);
            problem = $"access path '{relocation.AccessPath}' does not fit {relocation.Kind}";
            return fits ? new CoreSpec(types, relocation.Type, [new CoreStep(relocation.Type, path[0], null, relocation.Type, 0, 0)], 0) : null;
        }

        return ParseField(types, relocation.Type, path, ref problem);
    }

    /// <summary>How people write it: <c>struct task_struct.real_parent-&gt;tgid</c> without pointers: <c>task_struct.tgid</c>.</summary>
    public string Describe() => Describe(Steps.Count);

    /// <summary>The first steps only, the root counted.</summary>
    public string Describe(int count)
    {
        var text = new StringBuilder(BtfTypes.EssentialName(Types[Root].Name));
        for (int i = 1; i < count; i++)
        {
            _ = Steps[i].Name is { } name ? text.Append('.').Append(name) : text.Append('[').Append(Steps[i].Index).Append(']');
        }

        return text.ToString();
    }

    private static CoreSpec? ParseField(BtfTypes types, TypeId root, int[] path, ref string problem)
    {
        problem = "the access path leaves its type";
        long size = types.SizeOf(root);
        if (path[0] != 0 && size < 0)
        {
            return null;
        }

        var steps = new List<CoreStep> { new(root, path[0], null, root, 0, 0) };
        long bits = path[0] * Math.Max(size, 0) * 8;
        TypeId id = root;
        foreach (int index in path.AsSpan(1))
        {
            BtfType type = types.Resolve(id);
            if (type.Kind.IsComposite() && index < type.Count)
            {
                BtfMember member = type.Member(index);
                bits += member.BitOffset;
                id = member.Type;
                string name = types.String(member.NameOffset);
                if (name.Length > 0)
                {
                    steps.Add(new CoreStep(type.Id, index, name, member.Type, member.BitOffset, member.BitfieldSize));
                }
            }
            else if (type.Kind == BtfKind.Array && types.SizeOf(type.ElementId) is >= 0 and var element)
            {
                bits += index * element * 8;
                id = type.ElementId;
                steps.Add(new CoreStep(type.Id, index, null, id, 0, 0));
            }
            else
            {
                return null;
            }
        }

        return new CoreSpec(types, root, steps, bits);
    }

    private static int[]? ParsePath(string text)
    {
        string[] parts = text.Split(':');
        var path = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts.Length > 64 || !int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out path[i]) || path[i] > 1 << 24)
            {
                return null;
            }
        }

        return path;
    }
}

internal static class CoreKinds
{
    public static bool IsField(this CoreRelocationKind kind) => kind <= CoreRelocationKind.FieldRightShift;

    public static bool IsEnumerator(this CoreRelocationKind kind) => kind is CoreRelocationKind.EnumeratorExists or CoreRelocationKind.EnumeratorValue;

    /// <summary>Kinds whose answer for a missing thing is 0, not a failure.</summary>
    public static bool IsQuestion(this CoreRelocationKind kind) =>
        kind is CoreRelocationKind.FieldExists or CoreRelocationKind.TypeExists or CoreRelocationKind.EnumeratorExists or CoreRelocationKind.TypeMatches
            or CoreRelocationKind.TypeSize or CoreRelocationKind.TypeIdTarget;
}
