using System.Collections.Immutable;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Linking;

/// <summary>From an object to a snapshot an engine can load. Every stage stands in <see cref="Link"/>.</summary>
public static class Linker
{
    /// <summary>Resolves the programs with <see cref="BpfProgram.AutoLoad"/>; the object itself is left as it was.</summary>
    /// <exception cref="RelocationException">A symbol, type or field cannot be resolved, or a program comes on every way to one that cannot.</exception>
    /// <exception cref="UnsupportedFeatureException">The object is big-endian.</exception>
    public static LinkedObject Link(BpfObject source, Target target, LinkOptions? options = null)
    {
        if (source.IsBigEndian)
        {
            throw LinkErrors.BigEndian(source.Name);
        }

        BpfProgram[] programs = [.. source.Programs.Where(program => StructOpsLinker.IsLoaded(source, program))];
        foreach (BpfProgram program in programs)
        {
            if (program.Section.Pattern.Length == 0 && program.Section.Name != ".text" && target.ProgramTypeOf(program.Section.Name) is null)
            {
                throw LinkErrors.UnknownSection(program.Name, program.Section.Name);
            }
        }

        BpfMap[] created = [.. source.Maps.Where(map => map.AutoCreate)];
        var mapIndexes = new Dictionary<BpfMap, int>();
        foreach (BpfMap map in created)
        {
            mapIndexes.Add(map, mapIndexes.Count);
        }

        var modules = new ModuleTable(target);
        var structOps = new StructOpsLinker(source, target, modules);
        var snapshots = new MapSnapshot(source, target, structOps, [.. programs.Select(program => program.Name)], [.. created.Select(map => map.Name)]);
        ImmutableArray<LinkedMap> maps = [.. created.Select(snapshots.Of)];
        var functions = new FunctionLinker(source, target, mapIndexes, modules);
        ImmutableArray<LinkedProgram> linked = [.. programs.Select(program => structOps.Resolve(AttachTypes.Resolve(functions.Link(program), target, modules)))];
        if (options?.LeaveToKernel != true)
        {
            foreach (LinkedProgram program in linked)
            {
                if (Reachability.CertainlyReached(program) is { } reached)
                {
                    throw LinkErrors.Reached(reached.Diagnostic, program.Name);
                }
            }
        }

        return new LinkedObject(
            source.Name,
            linked,
            maps,
            [.. source.Variables.Where(variable => mapIndexes.ContainsKey(variable.Map)).Select(variable => new LinkedVariable(variable.Name, mapIndexes[variable.Map], variable.Offset, variable.Size, variable.Type, [.. variable.Tags]))])
        {
            Types = KernelReadyTypes.Of(source),
            License = source.License,
            Modules = modules.Names,
        };
    }
}

/// <param name="LeaveToKernel">Hand over programs that certainly come to an instruction without an answer too: the kernel refuses them, an interpreter stops there.</param>
public sealed record LinkOptions(bool LeaveToKernel = false);
