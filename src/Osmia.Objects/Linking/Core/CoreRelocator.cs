using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// Resolves an object's CO-RE records against a target: for each, candidates are found by name, matched, and the answer computed and written.
/// </summary>
internal sealed class CoreRelocator
{
    private const int NearestCount = 3;
    private const int MostListed = 6;

    private readonly BpfObject _source;
    private readonly Target _target;
    private readonly BtfTypes _local;
    private readonly CandidateSearch _candidates;
    private readonly Dictionary<string, List<CoreSpec>> _cache = [];

    public CoreRelocator(BpfObject source, Target target)
    {
        _source = source;
        _target = target;
        _local = source.Types ?? throw new InvalidOperationException("CO-RE records need the object's BTF");
        _candidates = new CandidateSearch(target, _local);
    }

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
            if (spec is null && !relocation.Kind.IsQuestion())
            {
                unresolved.Add(new UnresolvedRelocation(relocation.Slot, () => Explain(relocation, local, Where(function, relocation))));
                CorePatcher.Poison(instructions, relocation.Slot);
                continue;
            }

            if (expected is not { } original || CoreValue.Of(spec, relocation.Kind) is not { } answer)
            {
                throw LinkErrors.BadInstruction($"{relocation.Kind} of {local.Describe()}", Where(function, relocation), "the field has no size, or is a bit-field that no load of 8 bytes holds");
            }

            PatchResult result = CorePatcher.Patch(instructions, relocation.Slot, relocation.Kind, _local, spec?.Types, original, answer);
            if (result.Refusal is { } why)
            {
                throw LinkErrors.BadInstruction($"{relocation.Kind} of {local.Describe()}", Where(function, relocation), why);
            }

            if (result.Poison is { } changed)
            {
                unresolved.Add(new UnresolvedRelocation(relocation.Slot, LinkErrors.ChangedField(local.Describe(), Where(function, relocation), changed)));
                CorePatcher.Poison(instructions, relocation.Slot);
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
            if (other.BitOffset != matches[0].BitOffset || value?.Value != first?.Value)
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

        if (_target.Types is null)
        {
            throw LinkErrors.NoTargetTypes(_target.Name, _target.NoTypesReason, Where(function, relocation));
        }

        var matches = new List<CoreSpec>();
        foreach (TargetType candidate in _candidates.Of(local.Root))
        {
            if (CoreMatcher.Match(local, relocation.Kind, candidate.Types, candidate.Id) is { } match)
            {
                matches.Add(match);
            }
        }

        return _cache[key] = matches;
    }

    private string Where(BpfFunction function, CoreRelocation relocation)
    {
        string line = LineRecord.At(function.Lines, relocation.Slot)?.Describe(_local) is { } source ? $"{source}, " : "";
        return $"{line}function '{function.Name}', instruction {relocation.Slot} (CO-RE {relocation.Kind})";
    }

    private Diagnostic Explain(CoreRelocation relocation, CoreSpec local, string where)
    {
        BtfType root = _local[local.Root];
        string rootName = BtfTypes.EssentialName(root.Name);
        IReadOnlyList<TargetType> candidates = _candidates.Of(local.Root);
        if (candidates.Count == 0)
        {
            IReadOnlyList<string> similar = Similarity.Nearest(rootName, _candidates.Names(root.Kind), NearestCount);
            string inModules = _target.Modules.Count > 0 ? $", nor have its {_target.Modules.Count} modules" : "";
            return LinkErrors.Unresolved($"{KindName(root.Kind)} `{rootName}`", where,
                $"target '{_target.Name}' has no type of that name and kind{inModules}{Closest(similar)}", "guard the access with bpf_core_type_exists()");
        }

        BtfTypes types = candidates[0].Types;
        BtfType candidate = types.Resolve(candidates[0].Id);
        if (relocation.Kind.IsEnumerator())
        {
            string enumerator = _local.String(_local.Resolve(local.Root).Enumerator(local.EnumeratorIndex).NameOffset);
            List<string> enumerators = [.. Enumerable.Range(0, candidate.Count).Select(i => types.String(candidate.Enumerator(i).NameOffset))];
            return LinkErrors.Unresolved($"enumerator `{enumerator}` of `{rootName}`", where,
                $"{StandsFor(root, rootName)}the target's `{rootName}` has {candidate.Count} enumerators{Closest(enumerator, enumerators)}", "guard it with bpf_core_enum_value_exists()");
        }

        return LinkErrors.Unresolved($"field `{local.Describe()}`", where, StandsFor(root, rootName) + WhyNoField(local, candidates[0], rootName),
            "guard the access with bpf_core_field_exists(), or declare a flavour of the struct with the other name");
    }

    /// <summary>Where on the way to the field the target's type parts from the object's.</summary>
    private string WhyNoField(CoreSpec local, TargetType candidate, string rootName)
    {
        int matched = CoreMatcher.LongestMatch(local, candidate.Types, candidate.Id, out BtfType holder);
        CoreStep step = local.Steps[Math.Min(matched, local.Steps.Count - 1)];
        string holderName = matched <= 1 ? rootName : local.Describe(matched);
        if (step.Name is not { } wanted)
        {
            return holder.Kind == BtfKind.Array
                ? $"the target's `{holderName}` has {holder.ElementCount} elements, and element {step.Index} is asked for"
                : $"the target's `{holderName}` is no array but {KindName(holder.Kind)} {holder.Name}";
        }

        List<string> names = CoreMatcher.MemberNames(candidate.Types, holder);
        return names.Contains(wanted)
            ? $"the target's `{holderName}.{wanted}` is of another kind: {KindName(_local.Resolve(step.Type).Kind)} in the object, {KindName(CoreMatcher.MemberKind(candidate.Types, holder, wanted))} there"
            : $"the target's `{holderName}` has {holder.Count} members{Closest(wanted, names)}";
    }

    private static string StandsFor(BtfType root, string rootName) => root.Name == rootName ? "" : $"the object's `{root.Name}` is a flavour of `{rootName}`; ";

    /// <summary>The names that resemble the wanted one; all of them when there are few and none does.</summary>
    private static string Closest(string wanted, List<string> names)
    {
        IReadOnlyList<string> similar = Similarity.Nearest(wanted, names, NearestCount);
        return similar.Count > 0 ? Closest(similar) : names.Count is > 0 and <= MostListed ? $": {string.Join(", ", names)}" : "";
    }

    private static string KindName(BtfKind kind) => kind switch
    {
        BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 => kind.IsEnum() ? "enum" : kind.ToString().ToLowerInvariant(),
        BtfKind.Int => "number",
        BtfKind.Pointer or BtfKind.Array or BtfKind.Float => kind.ToString().ToLowerInvariant(),
        _ => "type",
    };

    private static string Closest(IReadOnlyList<string> nearest) => nearest.Count > 0 ? $"; the closest are {string.Join(", ", nearest)}" : "";
}
