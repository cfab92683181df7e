using System.CommandLine;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia prog list</c>, with bpftool's fields.</summary>
internal static class ProgCommand
{
    public static Command Build()
    {
        var command = new Command("prog", CommandTree.DescriptionOf("prog"));
        var list = new Command("list", "List loaded programs");
        list.Aliases.Add("show");
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        list.Add(json);
        list.Add(pretty);
        list.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                WriteJson(parsed.GetValue(pretty));
            }
            else
            {
                WriteText(Console.Out);
            }

            return ExitCode.Success;
        });
        command.Add(list);
        command.Add(ProgRunCommand.Build());
        return command;
    }

    [SupportedOSPlatform("linux")]
    private static void WriteText(TextWriter output)
    {
        var table = new TextTable("ID", "TYPE", "NAME", "TAG", "LOADED", "UID", "XLATED", "JITED", "INSNS", "MAPS");
        foreach (ProgramInfo program in KernelInventory.Programs())
        {
            table.Add(
                $"{program.Id}", program.Type.ToKernelName(), program.Name, program.Tag, $"{program.LoadedAt.ToLocalTime():yyyy-MM-dd HH:mm:ss}", $"{program.Uid}",
                $"{program.TranslatedSize}", $"{program.JitedSize}", $"{program.VerifiedInstructions}", string.Join(',', program.MapIds));
        }

        table.Write(output, indent: "");
    }

    [SupportedOSPlatform("linux")]
    private static void WriteJson(bool pretty) => JsonOutput.Write(pretty, json =>
    {
        Holders holders = Holders.Read();
        json.WriteStartArray();
        foreach (ProgramInfo program in KernelInventory.Programs())
        {
            json.WriteStartObject();
            json.WriteNumber("id", program.Id);
            json.WriteString("type", program.Type.ToKernelName());
            json.WriteString("name", program.Name);
            json.WriteString("tag", program.Tag);
            json.WriteBoolean("gpl_compatible", program.IsGplCompatible);
            json.WriteNumber("loaded_at", program.LoadedAt.ToUnixTimeSeconds());
            json.WriteNumber("uid", program.Uid);
            json.WriteNumber("bytes_xlated", program.TranslatedSize);
            json.WriteBoolean("jited", program.JitedSize > 0);
            json.WriteNumber("bytes_jited", program.JitedSize);
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

            if (program.RunCount > 0)
            {
                json.WriteNumber("run_time_ns", (long)program.RunTime.TotalNanoseconds);
                json.WriteNumber("run_cnt", program.RunCount);
            }

            JsonOutput.WriteHolders(json, holders.Of(HeldKind.Program, program.Id));

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
