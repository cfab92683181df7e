using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;

namespace Osmia.Cli.Run;

/// <summary>What is done to an object before an engine sees it, and to its maps before anything is attached.</summary>
internal static class ObjectPreparation
{
    public static BpfObject Prepare(RunSettings settings)
    {
        BpfObject source = BpfObject.Read(settings.File).RequirePrograms();
        foreach (Diagnostic warning in source.Warnings)
        {
            Console.Error.WriteLine($"warning: {warning}");
        }

        foreach ((string name, string value) in settings.Variables)
        {
            SetVariable(source, name, value);
        }

        SelectPrograms(source, settings.Programs);
        return source;
    }

    /// <summary>The one program that judges packets and is not reached by a tail call; programs of other kinds are left out.</summary>
    public static string SelectPacketProgram(BpfObject source, RunSettings settings)
    {
        HashSet<string> tailCalled = TailCalled(source);
        var candidates = new List<string>();
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad &= Verdicts.JudgesPackets(program.Section.Type) || program.Section.Type == ProgramType.Unspec;
            if (program.AutoLoad && !tailCalled.Contains(program.Name))
            {
                candidates.Add(program.Name);
            }
        }

        return candidates.Count == 1 ? candidates[0] : throw RunErrors.NoPacketProgram(settings.File, candidates);
    }

    public static void FillMaps(LoadedObject loaded, RunSettings settings)
    {
        foreach ((string name, string key, string value) in settings.MapEntries)
        {
            Map map = loaded.Maps.FirstOrDefault(map => map.Name == name)
                ?? throw RunErrors.BadMapEntry(name, $"{key}={value}", $"the object has no such map; it has {string.Join(", ", loaded.Maps.Select(map => map.Name))}");
            LinkedMap definition = map.Definition;
            try
            {
                byte[] keyBytes = new byte[map.KeySize];
                byte[] valueBytes = new byte[map.ValueSize];
                ValueText.Write(loaded.Definition.Types, definition.KeyType, keyBytes, key);
                ValueText.Write(loaded.Definition.Types, definition.ValueType, valueBytes, value);
                map.Update(keyBytes, PerCpuValue.ForAll(map, valueBytes));
            }
            catch (FormatException e)
            {
                throw RunErrors.BadMapEntry(name, $"{key}={value}", e.Message);
            }
        }
    }

    private static void SetVariable(BpfObject source, string name, string value)
    {
        BpfVariable variable = source.FindVariable(name) ?? source.FindVariable(name.Replace('-', '_'))
            ?? throw RunErrors.NoVariable(name, Similarity.Nearest(name, source.Variables.Select(v => v.Name), 3), source.Variables.Select(v => v.Name));
        try
        {
            ValueText.Set(source.Types, variable, value);
        }
        catch (FormatException e)
        {
            throw RunErrors.BadVariable(variable.Name, value, e.Message);
        }
    }

    /// <summary>Only these programs load, and what they reach by tail calls; without names all.</summary>
    public static void SelectPrograms(BpfObject source, IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (source.FindProgram(name) is null)
            {
                throw RunErrors.NoProgram(name, source.Programs.Select(program => program.Name));
            }
        }

        if (names.Count == 0)
        {
            return;
        }

        // Programs reached by tail calls come along with whoever calls them.
        HashSet<string> tailCalled = TailCalled(source);
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad = names.Contains(program.Name) || tailCalled.Contains(program.Name);
        }
    }

    private static HashSet<string> TailCalled(BpfObject source)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (BpfMap map in source.Maps)
        {
            foreach (MapSlot slot in map.Type == MapType.ProgArray ? map.Slots : [])
            {
                names.Add(slot.Name);
            }
        }

        return names;
    }
}
