using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Linking;

/// <summary>
/// Would an object's relocations resolve on a target? Every program is linked by itself and nothing is loaded: neither privileges
/// nor the target's kernel are needed, its BTF is enough.
/// </summary>
public static class TargetCheck
{
    /// <summary>Checks all programs, those with <c>?</c> too. The object is left as it was.</summary>
    /// <exception cref="UnsupportedFeatureException">The object is big-endian.</exception>
    public static TargetReport Run(BpfObject source, Target target)
    {
        if (source.IsBigEndian)
        {
            throw LinkErrors.BigEndian(source.Name);
        }

        var mapIndexes = new Dictionary<BpfMap, int>();
        foreach (BpfMap map in source.Maps)
        {
            mapIndexes.Add(map, mapIndexes.Count);
        }

        var modules = new ModuleTable(target);
        var functions = new FunctionLinker(source, target, mapIndexes, modules);
        Dictionary<string, Diagnostic> callbacks = CheckCallbacks(source, target, modules);
        var programs = new List<ProgramCheck>(source.Programs.Count);
        foreach (BpfProgram program in source.Programs)
        {
            ProgramCheck check = Check(functions, program, target, modules);
            programs.Add(callbacks.TryGetValue(program.Name, out Diagnostic? failure) ? check with { Failure = check.Failure ?? failure } : check);
        }

        return new TargetReport(target.Name, programs);
    }

    /// <summary>Structs of callbacks that do not fit the target, told at each of their programs.</summary>
    private static Dictionary<string, Diagnostic> CheckCallbacks(BpfObject source, Target target, ModuleTable modules)
    {
        var failures = new Dictionary<string, Diagnostic>(StringComparer.Ordinal);
        var linker = new StructOpsLinker(source, target, modules);
        foreach (BpfMap map in source.Maps.Where(map => map.DataSection == DataSectionKind.StructOps && map.AutoCreate))
        {
            try
            {
                linker.Link(map, new LinkedMap(-1, map.Name, map.Type, map.KeySize, map.ValueSize, map.MaxEntries, map.Flags));
            }
            catch (RelocationException e)
            {
                foreach (MapSlot slot in map.Slots)
                {
                    failures.TryAdd(slot.Name, e.Diagnostic);
                }
            }
        }

        return failures;
    }

    private static ProgramCheck Check(FunctionLinker functions, BpfProgram program, Target target, ModuleTable modules)
    {
        int relocations = 0;
        foreach (BpfFunction function in FunctionLinker.CallOrder(program.Entry))
        {
            relocations += function.CoreRelocations.Count;
            foreach (SymbolReference reference in function.References)
            {
                relocations += reference.Kind == SymbolKind.Extern ? 1 : 0;
            }
        }

        try
        {
            LinkedProgram linked = AttachTypes.Resolve(functions.Link(program), target, modules);
            Diagnostic? reached = Reachability.CertainlyReached(linked) is { } poison ? LinkErrors.Reached(poison.Diagnostic, program.Name).Diagnostic : null;
            return new ProgramCheck(program.Name, program.Section.Name, relocations, [.. linked.Unresolved.Select(relocation => relocation.Diagnostic)], reached);
        }
        catch (RelocationException e)
        {
            return new ProgramCheck(program.Name, program.Section.Name, relocations, [], e.Diagnostic);
        }
    }
}

/// <summary>The answer for one target.</summary>
public sealed record TargetReport(string Target, IReadOnlyList<ProgramCheck> Programs)
{
    public bool AllLink => Programs.All(program => program.Failure is null);
}

/// <summary>The answer for one program.</summary>
/// <param name="Relocations">CO-RE records and external symbols in the program and the functions it calls.</param>
/// <param name="Unresolved">Records without an answer, whose instructions are poisoned: the program loads as long as it cannot reach them.</param>
/// <param name="Failure">Why the program cannot be linked for the target, or null.</param>
public sealed record ProgramCheck(string Program, string Section, int Relocations, IReadOnlyList<Diagnostic> Unresolved, Diagnostic? Failure);
