using System.CommandLine;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia cgroup</c>, with bpftool's words and fields.</summary>
[SupportedOSPlatform("linux")]
internal static class CgroupCommand
{
    private const string Flags = "[multi | override]";

    public static Noun Noun { get; } = new(
        "cgroup",
        new Verb("show", "DIR [effective]", "List the programs attached to a cgroup", Show) { Aliases = ["list"] },
        new Verb("tree", "[DIR] [effective]", "List the programs of all cgroups below one, or of all there are", Tree),
        new Verb("attach", $"DIR HOOK PROG {Flags}", "Attach a program to a cgroup, where it stays until it is detached", Attach),
        new Verb("detach", "DIR HOOK PROG", "Detach a program from a cgroup", Detach));

    public static Command Build() => Noun.Build();

    private static void Show(VerbCall call)
    {
        string directory = call.Words.Next("the cgroup");
        bool effective = call.Words.Take("effective");
        call.Words.End();
        List<Row> rows = RowsOf(directory, effective);
        call.Answer(
            json => WriteRows(json, rows, effective),
            output =>
            {
                if (rows.Count == 0)
                {
                    output.WriteLine($"no programs at {directory}");
                    return;
                }

                WriteTable(output, rows, effective);
            });
    }

    private static void Tree(VerbCall call)
    {
        bool isAll = call.Words.IsAtEnd || (call.Words.Remaining == 1 && call.Words.Peek() == "effective");
        string root = isAll ? FindMount() : call.Words.Next("the cgroup");
        bool effective = call.Words.Take("effective");
        call.Words.End();
        List<(string Directory, List<Row> Rows)> found = [.. Directories(root).Select(directory => (directory, RowsOf(directory, effective))).Where(pair => pair.Item2.Count > 0)];
        call.Answer(
            json =>
            {
                json.WriteStartArray();
                foreach ((string directory, List<Row> rows) in found)
                {
                    json.WriteStartObject();
                    json.WriteString("cgroup", directory);
                    json.WritePropertyName("programs");
                    WriteRows(json, rows, effective);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            output =>
            {
                if (found.Count == 0)
                {
                    output.WriteLine($"no programs at {root} and the cgroups below it");
                }

                foreach ((string directory, List<Row> rows) in found)
                {
                    output.WriteLine(directory);
                    WriteTable(output, rows, effective, "    ");
                }
            });
    }

    private static void Attach(VerbCall call)
    {
        string directory = call.Words.Next("the cgroup");
        AttachType hook = CgroupHookWords.Parse(call.Words);
        using KernelProgram program = ProgramWords.Open(call.Words);
        CgroupAttachFlags flags = CgroupAttachFlags.None;
        while (!call.Words.IsAtEnd)
        {
            flags |= call.Words.Take("multi") ? CgroupAttachFlags.Multi : call.Words.Take("override") ? CgroupAttachFlags.Override
                : throw new UsageException($"{call.Words.Verb}: '{call.Words.Peek()}' is none of multi, override");
        }

        ProgramAttachments.AttachToCgroup(program, directory, hook, flags);
        call.Done($"attached {program.Name} to {directory} at {hook.ToKernelName()}");
    }

    private static void Detach(VerbCall call)
    {
        string directory = call.Words.Next("the cgroup");
        AttachType hook = CgroupHookWords.Parse(call.Words);
        using KernelProgram program = ProgramWords.Open(call.Words);
        call.Words.End();
        ProgramAttachments.DetachFromCgroup(program, directory, hook);
        call.Done($"detached {program.Name} from {directory} at {hook.ToKernelName()}");
    }

    /// <summary>A directory and all below it, each before those inside it.</summary>
    public static IEnumerable<string> Directories(string root) =>
        [root, .. Directory.EnumerateDirectories(root, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint })];

    public static string FindMount() =>
        File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" - cgroup2 ", StringComparison.Ordinal)).Select(line => line.Split(' ')[4]).FirstOrDefault() ?? throw RunErrors.NoCgroups();

    private static List<Row> RowsOf(string directory, bool effective)
    {
        var rows = new List<Row>();
        foreach (AttachType hook in ProgramAttachments.CgroupHooks)
        {
            foreach (HookedProgram program in ProgramAttachments.OfCgroup(directory, hook, effective) ?? [])
            {
                rows.Add(new Row(hook, program.Flags, Describe(program.ProgramId)));
            }
        }

        return [.. rows.Where(row => row.Program is not null)];
    }

    /// <returns>Null when it went away meanwhile.</returns>
    private static ProgramInfo? Describe(uint id)
    {
        try
        {
            using KernelProgram program = KernelInventory.OpenProgram(id);
            return KernelInventory.Describe(program.Handle);
        }
        catch (KernelException e) when (e.Diagnostic.Id == "OSM5041")
        {
            return null;
        }
    }

    private static void WriteTable(TextWriter output, List<Row> rows, bool effective, string indent = "")
    {
        TextTable table = effective ? new TextTable("ID", "HOOK", "NAME", "FUNCTION") : new TextTable("ID", "HOOK", "FLAGS", "NAME", "FUNCTION");
        foreach (Row row in rows)
        {
            string function = AttachedFunction(row.Program!) ?? "";
            table.Add(effective ? [$"{row.Program!.Id}", row.Hook.ToKernelName(), row.Program.FullName, function] : [$"{row.Program!.Id}", row.Hook.ToKernelName(), FlagsText(row.Flags), row.Program.FullName, function]);
        }

        table.Write(output, indent);
    }

    private static void WriteRows(Utf8JsonWriter json, List<Row> rows, bool effective)
    {
        json.WriteStartArray();
        foreach (Row row in rows)
        {
            json.WriteStartObject();
            json.WriteNumber("id", row.Program!.Id);
            json.WriteString("attach_type", row.Hook.ToKernelName());
            if (!effective)
            {
                json.WriteString("attach_flags", FlagsText(row.Flags));
            }

            json.WriteString("name", row.Program.FullName);
            json.WriteString("attach_btf_name", AttachedFunction(row.Program) ?? "");
            json.WriteNumber("attach_btf_obj_id", row.Program.AttachBtfObjectId);
            json.WriteNumber("attach_btf_id", row.Program.AttachBtfId);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string FlagsText(uint flags) => flags switch
    {
        0 => "",
        (uint)CgroupAttachFlags.Multi => "multi",
        (uint)CgroupAttachFlags.Override => "override",
        _ => $"unknown({flags:x})",
    };

    /// <summary>The kernel's function that an LSM program stands at.</summary>
    private static string? AttachedFunction(ProgramInfo program)
    {
        if (program.AttachBtfId == 0 || !KernelInventory.Btfs().Any(btf => btf.Id == program.AttachBtfObjectId && btf.Name == "vmlinux"))
        {
            return null;
        }

        using KernelEngine engine = KernelEngine.Open();
        return engine.Target.Types is { } types && program.AttachBtfId < types.Count ? types[new TypeId((int)program.AttachBtfId)].Name : null;
    }

    private sealed record Row(AttachType Hook, uint Flags, ProgramInfo? Program);
}
