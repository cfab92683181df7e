using System.CommandLine;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia link list [id N]</c>, with bpftool's fields.</summary>
internal static class LinkCommand
{
    public static Command Build()
    {
        var command = new Command("link", CommandTree.DescriptionOf("link"));
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        json.Recursive = true;
        pretty.Recursive = true;
        command.Add(json);
        command.Add(pretty);

        var list = new Command("list", "List links, or one: osmia link list [id N]");
        list.Aliases.Add("show");
        Argument<string[]> words = new("LINK") { Description = "id N; all when left out", Arity = new ArgumentArity(0, 2) };
        list.Add(words);
        list.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            List<LinkInfo> links = Find(parsed.GetValue(words)!);
            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                WriteJson(parsed.GetValue(pretty), links, isOne: parsed.GetValue(words)!.Length > 0);
            }
            else
            {
                WriteText(Console.Out, links);
            }

            return ExitCode.Success;
        });
        command.Add(list);
        return command;
    }

    [SupportedOSPlatform("linux")]
    private static List<LinkInfo> Find(string[] words)
    {
        if (words.Length == 0)
        {
            return [.. KernelInventory.Links(withDetails: true)];
        }

        if (words is not ["id", var text] || !uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
        {
            throw new UsageException("link list takes: id N");
        }

        List<LinkInfo> found = [.. KernelInventory.Links(withDetails: true).Where(link => link.Id == id)];
        return found.Count > 0 ? found : throw RunErrors.NoKernelObject("link", text);
    }

    [SupportedOSPlatform("linux")]
    private static void WriteText(TextWriter output, List<LinkInfo> links)
    {
        if (links.Count == 0)
        {
            output.WriteLine("no links");
            return;
        }

        Holders holders = Holders.Read();
        var table = new TextTable("ID", "TYPE", "PROG", "HELD BY", "ATTACHED TO");
        foreach (LinkInfo link in links)
        {
            string held = string.Join(", ", holders.Of(HeldKind.Link, link.Id).Select(holder => $"{holder.Command}({holder.Pid})"));
            table.Add($"{link.Id}", link.Type.ToKernelName(), $"{link.ProgramId}", held, string.Join(' ', link.Details.Where(detail => detail.Value is not (0ul or 0L)).Select(Describe)));
        }

        table.Write(output, indent: "");
    }

    [SupportedOSPlatform("linux")]
    private static string Describe(LinkDetail detail) => detail switch
    {
        { Name: "addr", Value: ulong address } => string.Create(CultureInfo.InvariantCulture, $"addr {address:x}"),
        { Name: "offset", Value: ulong offset } => string.Create(CultureInfo.InvariantCulture, $"offset 0x{offset:x}"),
        { Value: bool isSet } => isSet ? detail.Name : "",
        { Value: IReadOnlyList<LinkDetail>[] parts } => string.Join(", ", parts.Select(part => string.Join(' ', part.Where(one => one.Value is not 0ul).Select(Describe)))),
        _ => string.Create(CultureInfo.InvariantCulture, $"{detail.Name} {detail.Value}"),
    };

    [SupportedOSPlatform("linux")]
    private static void WriteJson(bool indented, List<LinkInfo> links, bool isOne) => JsonOutput.Write(indented, json =>
    {
        Holders holders = Holders.Read();
        if (!isOne)
        {
            json.WriteStartArray();
        }

        foreach (LinkInfo link in links)
        {
            json.WriteStartObject();
            json.WriteNumber("id", link.Id);
            json.WriteString("type", link.Type.ToKernelName());
            json.WriteNumber("prog_id", link.ProgramId);
            Write(json, link.Details);
            JsonOutput.WriteHolders(json, holders.Of(HeldKind.Link, link.Id));
            json.WriteEndObject();
        }

        if (!isOne)
        {
            json.WriteEndArray();
        }
    });

    [SupportedOSPlatform("linux")]
    private static void Write(Utf8JsonWriter json, IReadOnlyList<LinkDetail> details)
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
                        Write(json, part);
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
