using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// Resolves an object's CO-RE records against a target: one scan of the target's types finds the candidates of every
/// root type at once, then each record is matched, computed and written.
/// </summary>
internal sealed class CoreRelocator(BpfObject source, Target target)
{
    private readonly BtfTypes _local = source.Types ?? throw new InvalidOperationException("CO-RE records need the object's BTF");
    private readonly Dictionary<string, List<CoreSpec>> _cache = [];
    private Dictionary<string, List<int>>? _candidates;

    /// <summary>Patches a function's instructions in place.</summary>
    /// <returns>Records that have no answer; their instructions were poisoned.</returns>
    /// <exception cref="RelocationException">A record is ambiguous or does not fit its instruction, or the target has no types.</exception>
    public List<UnresolvedRelocation> Apply(BpfFunction function, Instruction[] instructions)
    {
        var unresolved = new List<UnresolvedRelocation>();
        foreach (CoreRelocation relocation in function.CoreRelocations)
        {
            if (relocation.Slot >= instructions.Length)
            {
                continue;
            }

            CoreSpec? local = CoreSpec.Parse(_local, relocation, out string problem);
            if (local is null)
            {
                throw LinkErrors.BadInstruction($"CO-RE record {relocation.Kind}", Where(function, relocation), problem);
            }

            CoreValue? expected = CoreValue.Of(local, relocation.Kind);
            CoreSpec? spec = relocation.Kind == CoreRelocationKind.TypeIdLocal ? local : Find(function, relocation, local);
            if (CoreValue.Of(spec, relocation.Kind) is not { } answer)
            {
                unresolved.Add(new UnresolvedRelocation(relocation.Slot, Explain(relocation, local, Where(function, relocation))));
                CorePatcher.Poison(instructions, relocation.Slot);
                continue;
            }

            if (CorePatcher.Patch(instructions, relocation.Slot, relocation.Kind, _local, spec?.Types, expected, answer) is { } why)
            {
                throw LinkErrors.BadInstruction($"{relocation.Kind} of {local.Describe()}", Where(function, relocation), why);
            }
        }

        return unresolved;
    }

    /// <summary>Adds what the answers to a function's records are taken from; instructions play no part.</summary>
    public void Collect(BpfFunction function, CoreUse use)
    {
        foreach (CoreRelocation relocation in function.CoreRelocations)
        {
            if (relocation.Kind == CoreRelocationKind.TypeIdLocal || CoreSpec.Parse(_local, relocation, out _) is not { } local)
            {
                continue;
            }

            List<CoreSpec> matches = MatchesOf(function, relocation, local);
            foreach (CoreSpec match in matches.Count > 0 && AreAlike(matches, relocation.Kind) ? matches[..1] : matches)
            {
                use.Add(match, relocation.Kind);
            }
        }
    }

    private CoreSpec? Find(BpfFunction function, CoreRelocation relocation, CoreSpec local)
    {
        List<CoreSpec> matches = MatchesOf(function, relocation, local);
        if (matches.Count == 0)
        {
            return null;
        }

        if (!AreAlike(matches, relocation.Kind))
        {
            throw LinkErrors.Ambiguous(local.Describe(), Where(function, relocation), [.. matches.Select(m => $"type {m.Root} ({m.BitOffset / 8} bytes in)")]);
        }

        return matches[0];
    }

    /// <summary>Several types of one name may match, as long as they give the same answer.</summary>
    private static bool AreAlike(List<CoreSpec> matches, CoreRelocationKind kind)
    {
        CoreValue? first = CoreValue.Of(matches[0], kind);
        foreach (CoreSpec other in matches)
        {
            CoreValue? value = CoreValue.Of(other, kind);
            if (other.BitOffset != matches[0].BitOffset || (value?.Value != first?.Value && kind != CoreRelocationKind.TypeIdTarget))
            {
                return false;
            }
        }

        return true;
    }

    private List<CoreSpec> MatchesOf(BpfFunction function, CoreRelocation relocation, CoreSpec local)
    {
        // The same path is asked for its offset, size, sign and shifts: match once.
        string kind = relocation.Kind.IsField() ? "field" : relocation.Kind.IsEnumerator() ? "enum" : relocation.Kind.ToString();
        string key = $"{relocation.Type.Value}/{relocation.AccessPath}/{kind}";
        if (_cache.TryGetValue(key, out List<CoreSpec>? known))
        {
            return known;
        }

        if (target.Types is not { } types)
        {
            throw LinkErrors.NoTargetTypes(target.Name, target.NoTypesReason, Where(function, relocation));
        }

        _candidates ??= types.FindAll(RootNames());
        BtfType root = _local[local.Root];
        var matches = new List<CoreSpec>();
        foreach (int id in _candidates.GetValueOrDefault(BtfTypes.EssentialName(root.Name)) ?? [])
        {
            var candidate = new TypeId(id);
            if (CoreMatcher.KindsFit(root.Kind, types[candidate].Kind) && CoreMatcher.Match(local, relocation.Kind, types, candidate) is { } match)
            {
                matches.Add(match);
            }
        }

        _cache[key] = matches;
        return matches;
    }

    private HashSet<string> RootNames() => source.Functions
        .SelectMany(function => function.CoreRelocations)
        .Select(relocation => BtfTypes.EssentialName(_local[relocation.Type].Name))
        .Where(name => name.Length > 0)
        .ToHashSet(StringComparer.Ordinal);

    private string Where(BpfFunction function, CoreRelocation relocation)
    {
        string line = LineRecord.At(function.Lines, relocation.Slot)?.Describe(_local) is { } source ? $"{source}, " : "";
        return $"{line}function '{function.Name}', instruction {relocation.Slot} (CO-RE {relocation.Kind})";
    }

    private Diagnostic Explain(CoreRelocation relocation, CoreSpec local, string where)
    {
        BtfTypes types = target.Types!;
        string rootName = BtfTypes.EssentialName(_local[local.Root].Name);
        List<int> candidates = (_candidates!.GetValueOrDefault(rootName) ?? []).FindAll(id => CoreMatcher.KindsFit(_local[local.Root].Kind, types[id].Kind));
        if (candidates.Count == 0)
        {
            return LinkErrors.Unresolved($"type `{rootName}`", where, $"target '{target.Name}' has no type of that name and kind", "guard the access with bpf_core_type_exists()");
        }

        BtfType candidate = types.Resolve(new TypeId(candidates[0]));
        bool isEnum = candidate.Kind.IsEnum();
        string wanted = isEnum
            ? _local.String(_local.Resolve(local.Root).Enumerator(local.EnumeratorIndex).NameOffset)
            : local.Steps.LastOrDefault(step => step.Name is not null)?.Name ?? rootName;
        IEnumerable<string> names = Enumerable.Range(0, candidate.Count).Select(i => types.String(isEnum ? candidate.Enumerator(i).NameOffset : candidate.Member(i).NameOffset));
        IReadOnlyList<string> nearest = Similarity.Nearest(wanted, names.Where(name => name.Length > 0), 3);
        string closest = nearest.Count > 0 ? $"; the closest are {string.Join(", ", nearest)}" : "";
        return LinkErrors.Unresolved(
            isEnum ? $"enumerator `{wanted}` of `{rootName}`" : $"field `{local.Describe()}`",
            where,
            $"the target's `{rootName}` has {candidate.Count} {(isEnum ? "enumerators" : "members")}{closest}",
            isEnum ? "guard it with bpf_core_enum_value_exists()" : "guard the access with bpf_core_field_exists(), or declare a flavour of the struct with the other name");
    }
}
