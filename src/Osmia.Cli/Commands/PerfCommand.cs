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
        call.Answer(
            json =>
            {
                json.WriteStartArray();
                found.ForEach(one => Write(json, one));
                json.WriteEndArray();
            },
            output =>
            {
                if (found.Count == 0)
                {
                    output.WriteLine("no programs at perf events");
                    return;
                }

                var table = new TextTable("PID", "FD", "PROG", "KIND", "PLACE");
                foreach (PerfAttachment one in found)
                {
                    table.Add($"{one.Pid}", $"{one.Fd}", $"{one.ProgramId}", Word(one.Kind), Place(one));
                }

                table.Write(output, indent: "");
            });
    }

    private static void Write(Utf8JsonWriter json, PerfAttachment one)
    {
        json.WriteStartObject();
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

        json.WriteEndObject();
    }

    private static string Place(PerfAttachment one) => one.Name.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"0x{one.Address:x}")
        : one.Kind is PerfAttachmentKind.RawTracepoint or PerfAttachmentKind.Tracepoint ? one.Name
        : string.Create(CultureInfo.InvariantCulture, $"{one.Name}+0x{one.Offset:x}");

    private static string Word(PerfAttachmentKind kind) => kind == PerfAttachmentKind.RawTracepoint ? "raw_tracepoint" : kind.ToString().ToLowerInvariant();
}
