using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Inventory;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands.Prog;

/// <summary><c>osmia prog show [PROG]</c>, with bpftool's fields.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgShow
{
    public static void Run(VerbCall call)
    {
        bool isAll = call.Words.IsAtEnd;
        List<ProgramInfo> programs = isAll ? [.. KernelInventory.Programs()] : ProgramWords.Find(call.Words);
        call.Words.End();
        PinTable pins = call.WithPins ? PinTable.Read() : PinTable.Empty;
        Holders holders = Holders.Read();
        Dictionary<uint, MapInfo> maps = call.IsJson && programs.Exists(program => program.MapIds.Count > 0) ? KernelInventory.Maps().ToDictionary(map => map.Id) : [];
        call.AnswerList(programs, isAll || programs.Count > 1, (json, program) => WriteFields(json, program, pins, holders, maps), "no programs", () => Table(programs, pins, holders));
    }

    private static TextTable Table(List<ProgramInfo> programs, PinTable pins, Holders holders)
    {
        var table = new TextTable("ID", "TYPE", "NAME", "TAG", "LOADED", "UID", "XLATED", "JITED", "INSNS", "RUNS", "MAPS", "HELD BY");
        foreach (ProgramInfo program in programs)
        {
            string runs = program.RunCount == 0 ? "" : $"{program.RunCount}";
            table.Add(
                $"{program.Id}", program.Type.ToKernelName(), program.FullName, program.Tag, $"{program.LoadedAt.ToLocalTime():yyyy-MM-dd HH:mm:ss}", $"{program.Uid}",
                $"{program.TranslatedSize}", $"{program.JitedSize}", $"{program.VerifiedInstructions}", runs, string.Join(',', program.MapIds),
                HeldBy.Of(holders.Of(HeldKind.Program, program.Id), pins.Of(ObjectKind.Program, program.Id)));
        }

        return table;
    }

    private static void WriteFields(Utf8JsonWriter json, ProgramInfo program, PinTable pins, Holders holders, Dictionary<uint, MapInfo> maps)
    {
        WriteHeader(json, program);
        json.WriteNumber("loaded_at", program.LoadedAt.ToUnixTimeSeconds());
        json.WriteNumber("uid", program.Uid);
        json.WriteNumber("bytes_xlated", program.TranslatedSize);
        json.WriteBoolean("jited", program.JitedSize > 0);
        if (program.JitedSize > 0)
        {
            json.WriteNumber("bytes_jited", program.JitedSize);
        }

        json.WriteNumber("bytes_memlock", program.MemoryInBytes);
        json.WriteNumber("verified_insns", program.VerifiedInstructions);
        if (program.MapIds.Count > 0)
        {
            JsonOutput.WriteIds(json, "map_ids", program.MapIds);
        }

        if (program.BtfId != 0)
        {
            json.WriteNumber("btf_id", program.BtfId);
        }

        JsonOutput.WritePins(json, pins, ObjectKind.Program, program.Id);
        JsonOutput.WriteHolders(json, holders.Of(HeldKind.Program, program.Id));
        ProgramMetadata.Write(json, program, maps);
    }

    /// <summary>What says which program it is, and what it did.</summary>
    public static void WriteHeader(Utf8JsonWriter json, ProgramInfo program)
    {
        json.WriteNumber("id", program.Id);
        json.WriteString("type", program.Type.ToKernelName());
        if (program.Name.Length > 0)
        {
            json.WriteString("name", program.FullName);
        }

        json.WriteString("tag", program.Tag);
        json.WriteBoolean("gpl_compatible", program.IsGplCompatible);
        if (program.RunTimeInNanoseconds > 0)
        {
            json.WriteNumber("run_time_ns", program.RunTimeInNanoseconds);
            json.WriteNumber("run_cnt", program.RunCount);
        }

        if (program.RecursionMisses > 0)
        {
            json.WriteNumber("recursion_misses", program.RecursionMisses);
        }
    }
}
