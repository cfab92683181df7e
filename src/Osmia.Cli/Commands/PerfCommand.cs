using System.CommandLine;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia perf show</c>: programs at perf events and raw tracepoints, by the processes that hold them, with bpftool's fields.</summary>
[SupportedOSPlatform("linux")]
internal static class PerfCommand
{
    public static Noun Noun { get; } = new("perf", new Verb("show", "", "List the programs at perf events, by process", Show) { Aliases = ["list"] });

    public static Command Build() => Noun.Build();

    private static void Show(VerbCall call)
    {
        call.Words.End();
        List<PerfAttachment> found = [.. PerfAttachments.All()];
        call.AnswerList(found, isArray: true, Write, "no programs at perf events", () => Table(found));
    }

    private static TextTable Table(List<PerfAttachment> found)
    {
        var table = new TextTable("PID", "FD", "PROG", "KIND", "PLACE");
        foreach (PerfAttachment one in found)
        {
            table.Add($"{one.Pid}", $"{one.Fd}", $"{one.ProgramId}", Word(one.Kind), Place(one));
        }

        return table;
    }

    private static void Write(Utf8JsonWriter json, PerfAttachment one)
    {
        json.WriteNumber("pid", one.Pid);
        json.WriteNumber("fd", one.Fd);
        json.WriteNumber("prog_id", one.ProgramId);
        json.WriteString("fd_type", Word(one.Kind));
        switch (one.Kind)
        {
            case PerfAttachmentKind.RawTracepoint or PerfAttachmentKind.Tracepoint:
                json.WriteString("tracepoint", one.Name);
                break;
            case PerfAttachmentKind.Kprobe or PerfAttachmentKind.Kretprobe when one.Name.Length > 0:
                json.WriteString("func", one.Name);
                json.WriteNumber("offset", one.Offset);
                break;
            case PerfAttachmentKind.Kprobe or PerfAttachmentKind.Kretprobe:
                json.WriteNumber("addr", one.Address);
                break;
            case PerfAttachmentKind.Uprobe or PerfAttachmentKind.Uretprobe:
                json.WriteString("filename", one.Name);
                json.WriteNumber("offset", one.Offset);
                break;
        }
    }

    private static string Place(PerfAttachment one) => one.Name.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"0x{one.Address:x}")
        : one.Kind is PerfAttachmentKind.RawTracepoint or PerfAttachmentKind.Tracepoint ? one.Name
        : string.Create(CultureInfo.InvariantCulture, $"{one.Name}+0x{one.Offset:x}");

    private static string Word(PerfAttachmentKind kind) => kind == PerfAttachmentKind.RawTracepoint ? "raw_tracepoint" : kind.ToString().ToLowerInvariant();
}
