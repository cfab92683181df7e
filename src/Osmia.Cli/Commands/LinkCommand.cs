using System.CommandLine;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Inventory;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Syscalls;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia link</c>, with bpftool's words and fields.</summary>
[SupportedOSPlatform("linux")]
internal static class LinkCommand
{
    public static Noun Noun { get; } = new(
        "link",
        new Verb("show", "[LINK]", "List links, or the one that LINK names", Show) { Aliases = ["list"] },
        new Verb("pin", "LINK FILE", "Pin a link", Pin),
        new Verb("detach", "LINK", "Detach a link, whoever holds it", Detach));

    public static Command Build() => Noun.Build();

    private static void Show(VerbCall call)
    {
        bool isAll = call.Words.IsAtEnd;
        List<LinkInfo> links;
        if (isAll)
        {
            links = [.. KernelInventory.Links(withDetails: true)];
        }
        else
        {
            using BpfHandle link = LinkWords.Open(call.Words);
            links = [KernelInventory.DescribeLink(link)];
        }

        call.Words.End();
        PinTable pins = call.WithPins ? PinTable.Read() : PinTable.Empty;
        Holders holders = Holders.Read();
        call.AnswerList(links, isAll, (json, link) => WriteFields(json, link, pins, holders), "no links", () => Table(links, pins, holders));
    }

    private static void Pin(VerbCall call)
    {
        using BpfHandle link = LinkWords.Open(call.Words);
        string path = call.Words.Next("the file");
        call.Words.End();
        KernelInventory.Pin(link, path);
        call.Done($"pinned link {KernelInventory.IdOf(link)} at {path}");
    }

    private static void Detach(VerbCall call)
    {
        using BpfHandle link = LinkWords.Open(call.Words);
        call.Words.End();
        KernelInventory.DetachLink(link);
        call.Done($"detached link {KernelInventory.IdOf(link)}");
    }

    private static TextTable Table(List<LinkInfo> links, PinTable pins, Holders holders)
    {
        var table = new TextTable("ID", "TYPE", "PROG", "HELD BY", "ATTACHED TO");
        foreach (LinkInfo link in links)
        {
            string held = HeldBy.Of(holders.Of(HeldKind.Link, link.Id), pins.Of(ObjectKind.Link, link.Id));
            table.Add($"{link.Id}", link.Type.ToKernelName(), $"{link.ProgramId}", held, Target(link));
        }

        return table;
    }

    /// <summary>Where it is attached, in one line.</summary>
    public static string Target(LinkInfo link) => string.Join(' ', link.Details.Where(detail => detail.Value is not (0ul or 0L)).Select(Describe));

    private static string Describe(LinkDetail detail) => detail switch
    {
        { Name: "addr", Value: ulong address } => string.Create(CultureInfo.InvariantCulture, $"addr {address:x}"),
        { Name: "offset", Value: ulong offset } => string.Create(CultureInfo.InvariantCulture, $"offset 0x{offset:x}"),
        { Name: "tp_name", Value: string tracepoint } => $"tp {tracepoint}",
        { Value: bool isSet } => isSet ? detail.Name : "",
        { Value: IReadOnlyList<LinkDetail>[] parts } => string.Join(", ", parts.Select(part => string.Join(' ', part.Where(one => one.Value is not 0ul).Select(Describe)))),
        _ => string.Create(CultureInfo.InvariantCulture, $"{detail.Name} {detail.Value}"),
    };

    private static void WriteFields(Utf8JsonWriter json, LinkInfo link, PinTable pins, Holders holders)
    {
        json.WriteNumber("id", link.Id);
        json.WriteString("type", link.Type.ToKernelName());
        json.WriteNumber("prog_id", link.ProgramId);
        WriteDetails(json, link.Details);
        JsonOutput.WritePins(json, pins, ObjectKind.Link, link.Id);
        JsonOutput.WriteHolders(json, holders.Of(HeldKind.Link, link.Id));
    }

    public static void WriteDetails(Utf8JsonWriter json, IReadOnlyList<LinkDetail> details)
    {
        foreach (LinkDetail detail in details)
        {
            json.WritePropertyName(detail.Name);
            switch (detail.Value)
            {
                case bool isSet:
                    json.WriteBooleanValue(isSet);
                    break;
                case ulong number:
                    json.WriteNumberValue(number);
                    break;
                case long number:
                    json.WriteNumberValue(number);
                    break;
                case IReadOnlyList<LinkDetail>[] parts:
                    json.WriteStartArray();
                    foreach (IReadOnlyList<LinkDetail> part in parts)
                    {
                        json.WriteStartObject();
                        WriteDetails(json, part);
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                    break;
                default:
                    json.WriteStringValue((string)detail.Value);
                    break;
            }
        }
    }
}
