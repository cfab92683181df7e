using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking.Core;

namespace Osmia.Objects.Linking;

/// <summary>From an object to a snapshot an engine can load. Every stage stands in <see cref="Link"/>.</summary>
public static class Linker
{
    /// <summary>Resolves the programs with <see cref="BpfProgram.AutoLoad"/>; the object itself is left as it was.</summary>
    /// <exception cref="RelocationException">A symbol, type or field cannot be resolved.</exception>
    /// <exception cref="UnsupportedFeatureException">The object is big-endian.</exception>
    public static LinkedObject Link(BpfObject source, Target target)
    {
        if (source.IsBigEndian)
        {
            throw LinkErrors.BigEndian(source.Name);
        }

        BpfProgram[] programs = [.. source.Programs.Where(program => program.AutoLoad)];
        foreach (BpfProgram program in programs)
        {
            if (program.Section.Pattern.Length == 0 && program.Section.Name != ".text")
            {
                throw LinkErrors.UnknownSection(program.Name, program.Section.Name);
            }
        }

        var mapIndexes = new Dictionary<BpfMap, int>();
        foreach (BpfMap map in source.Maps)
        {
            mapIndexes.Add(map, mapIndexes.Count);
        }

        var programNames = programs.Select(program => program.Name).ToHashSet(StringComparer.Ordinal);
        var mapNames = source.Maps.Select(map => map.Name).ToHashSet(StringComparer.Ordinal);
        ImmutableArray<LinkedMap> maps = [.. source.Maps.Select((map, index) => MapSnapshot.Of(source, target, map, index, programNames, mapNames))];
        var modules = new ModuleTable(target);
        var functions = new FunctionLinker(source, target, mapIndexes, modules);
        ImmutableArray<LinkedProgram> linked = [.. programs.Select(program => AttachTypes.Resolve(functions.Link(program), target, modules))];
        return new LinkedObject(
            source.Name,
            linked,
            maps,
            [.. source.Variables.Select(variable => new LinkedVariable(variable.Name, mapIndexes[variable.Map], variable.Offset, variable.Size, variable.Type, [.. variable.Tags]))])
        {
            Types = KernelReadyTypes.Of(source),
            License = source.License,
            Modules = modules.Names,
        };
    }
}

/// <summary>Immutable copies of map definitions, with the names libbpf gives to data sections.</summary>
internal static class MapSnapshot
{
    private const int MaximumName = 15;
    private const int ShortestSuffix = 7;

    public static LinkedMap Of(BpfObject source, Target target, BpfMap map, int index, HashSet<string> programs, HashSet<string> maps)
    {
        foreach (MapSlot slot in map.Slots)
        {
            bool isProgram = map.Type == MapType.ProgArray;
            if (!(isProgram ? programs : maps).Contains(slot.Name))
            {
                throw LinkErrors.BadSlot(map.Name, slot.Index, slot.Name, isProgram ? "program" : "map");
            }
        }

        return new LinkedMap(index, NameOf(source, map), map.Type, map.KeySize, map.ValueSize, map.MaxEntries, map.Flags)
        {
            Extra = map.Extra,
            KeyType = map.KeyType,
            ValueType = map.ValueType,
            DataSection = map.DataSection,
            InitialData = InitialDataOf(source, target, map),
            InnerMap = map.InnerMap is null ? null : Of(source, target, map.InnerMap, -1, programs, maps),
            Slots = [.. map.Slots],
            PinByName = map.PinByName,
            Tags = [.. map.Tags],
        };
    }

    private static byte[] InitialDataOf(BpfObject source, Target target, BpfMap map) => map.DataSection switch
    {
        DataSectionKind.Kconfig => KernelConfiguration.ValuesOf(source, map, target),
        _ when !map.HasInitialData => [],
        _ => (byte[])map.InitialData.Clone(),
    };

    // libbpf: as much of the object's name as leaves room for the section's, at most 15 characters in all. Sections that
    // the author named (.data.config) keep their names.
    private static string NameOf(BpfObject source, BpfMap map)
    {
        if (map.DataSection == DataSectionKind.None || map.Name.IndexOf('.', 1) > 0)
        {
            return map.Name;
        }

        int prefix = Math.Clamp(MaximumName - Math.Max(ShortestSuffix, map.Name.Length), 0, source.Name.Length);
        string name = source.Name[..prefix] + map.Name;
        return string.Concat(name[..Math.Min(name.Length, MaximumName)].Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' ? c : '_'));
    }
}
