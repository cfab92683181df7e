using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Linking;

/// <summary>Immutable copies of map definitions, with the names libbpf gives to data sections.</summary>
internal sealed class MapSnapshot(BpfObject source, Target target, StructOpsLinker structOps, HashSet<string> programs, HashSet<string> maps)
{
    private const int MaximumName = 15;
    private const int ShortestSuffix = 7;

    public LinkedMap Of(BpfMap map, int index)
    {
        LinkedMap linked = Copy(map, index);
        if (map.Type == MapType.StructOps && map.DataSection == DataSectionKind.StructOps)
        {
            return structOps.Link(map, linked);
        }

        foreach (MapSlot slot in map.Slots)
        {
            bool isProgram = map.Type == MapType.ProgArray;
            if (!(isProgram ? programs : maps).Contains(slot.Name))
            {
                throw LinkErrors.BadSlot(map.Name, slot.Index, slot.Name, isProgram ? "program" : "map");
            }
        }

        return linked with { InnerMap = map.InnerMap is null ? null : Copy(map.InnerMap, -1) };
    }

    private LinkedMap Copy(BpfMap map, int index) =>
        new(index, NameOf(source, map), map.Type, map.KeySize, map.ValueSize, map.MaxEntries, map.Flags)
        {
            Extra = map.Extra,
            KeyType = map.KeyType,
            ValueType = map.ValueType,
            DataSection = map.DataSection == DataSectionKind.StructOps ? DataSectionKind.None : map.DataSection,
            InitialData = InitialDataOf(source, target, map),
            Slots = [.. map.Slots],
            PinByName = map.PinByName,
            PinFolder = map.PinFolder,
            NumaNode = map.NumaNode,
            Tags = [.. map.Tags],
        };

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
        if (map.DataSection is DataSectionKind.None or DataSectionKind.StructOps || map.Name.IndexOf('.', 1) > 0)
        {
            return map.Name;
        }

        int prefix = Math.Clamp(MaximumName - Math.Max(ShortestSuffix, map.Name.Length), 0, source.Name.Length);
        string name = source.Name[..prefix] + map.Name;
        return string.Concat(name[..Math.Min(name.Length, MaximumName)].Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' ? c : '_'));
    }
}
