using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia btf list</c> and <c>osmia btf dump SOURCE [format c|raw|csharp] [root_id N] [type NAME]</c>, with bpftool's words.</summary>
internal static class BtfCommand
{
    private const string KernelFolder = "/sys/kernel/btf/";
    private const string KernelTypes = KernelFolder + "vmlinux";

    public static Command Build()
    {
        var command = new Command("btf", CommandTree.DescriptionOf("btf"));
        command.Add(BuildDump());
        command.Add(BuildList());
        return command;
    }

    private static Command BuildDump()
    {
        var dump = new Command("dump", $"Print types: osmia btf dump {BtfDumpWords.Grammar}");
        Argument<string[]> words = new("SOURCE") { Description = BtfDumpWords.Description, Arity = ArgumentArity.OneOrMore };
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        Option<string?> baseFile = new("--base-btf", "-B") { Description = "the types that split BTF continues (a file, as of a kernel module)", HelpName = "FILE" };
        dump.Add(words);
        dump.Add(json);
        dump.Add(pretty);
        dump.Add(baseFile);
        dump.SetAction(parsed =>
        {
            BtfDumpWords request = BtfDumpWords.Parse(parsed.GetValue(words)!);
            bool isPretty = parsed.GetValue(pretty);
            bool isJson = isPretty || parsed.GetValue(json);
            if (isJson && request.Format != BtfDumpFormat.Raw)
            {
                throw new UsageException("JSON is printed of the raw format only: leave out 'format' or -j");
            }

            BtfTypes? baseTypes = parsed.GetValue(baseFile) is { } path ? OpenFile(path, null) : null;
            BtfTypes types = Open(request, baseTypes, out TypeId[] roots);
            roots = request.HasRoots ? [.. roots, .. request.Roots(types)] : roots;
            if (isJson)
            {
                JsonOutput.Write(isPretty, writer => JsonDump.Write(types, writer, roots.Length > 0 ? roots : null));
                return ExitCode.Success;
            }

            using Stream output = StandardOutput.Open();
            Print(request, types, roots, output);
            return ExitCode.Success;
        });
        return dump;
    }

    private static void Print(BtfDumpWords request, BtfTypes types, TypeId[] roots, Stream output)
    {
        try
        {
            switch (request.Format)
            {
                case BtfDumpFormat.C when roots.Length > 0:
                    CHeaderWriter.Write(types, output, roots);
                    break;
                case BtfDumpFormat.C:
                    CHeaderWriter.Write(types, output, request.IsSorted);
                    break;
                case BtfDumpFormat.CSharp:
                    CSharpWriter.Write(types, output, roots.Length > 0 ? roots : null);
                    break;
                case BtfDumpFormat.Raw when roots.Length > 0:
                    var text = new Utf8Buffer();
                    foreach (TypeId root in roots)
                    {
                        RawDump.Append(text, types[root]);
                    }

                    output.Write(text.Written);
                    break;
                default:
                    RawDump.Write(types, output);
                    break;
            }
        }
        catch (BtfFormatException e)
        {
            throw Unreadable(string.Join(' ', request.Source), e);
        }
    }

    private static Command BuildList()
    {
        var list = new Command("list", "List the BTF objects of the kernel and who uses them");
        list.Aliases.Add("show");
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        Argument<string[]> words = new("ID") { Description = "id N: only that object", Arity = ArgumentArity.ZeroOrMore };
        list.Add(words);
        list.Add(json);
        list.Add(pretty);
        list.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            uint? only = parsed.GetValue(words) switch
            {
                null or [] => null,
                ["id", var number] when uint.TryParse(number, out uint named) => named,
                _ => throw new UsageException("btf list takes: nothing, or id N"),
            };
            List<BtfUse> uses = Uses(only);
            if (only is { } id && uses.Count == 0)
            {
                throw RunErrors.NoKernelObject("btf", $"{id}");
            }

            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                ListJson(parsed.GetValue(pretty), uses, isOne: only is not null);
            }
            else
            {
                ListText(Console.Out, uses);
            }

            return ExitCode.Success;
        });
        return list;
    }

    [SupportedOSPlatform("linux")]
    private static List<BtfUse> Uses(uint? only)
    {
        ILookup<uint, uint> programs = KernelInventory.Programs().ToLookup(program => program.BtfId, program => program.Id);
        ILookup<uint, uint> maps = KernelInventory.Maps().ToLookup(map => map.BtfId, map => map.Id);
        return [.. KernelInventory.Btfs().Where(btf => only is null || btf.Id == only).Select(btf => new BtfUse(btf, [.. programs[btf.Id]], [.. maps[btf.Id]]))];
    }

    [SupportedOSPlatform("linux")]
    private static void ListText(TextWriter output, List<BtfUse> uses)
    {
        var table = new TextTable("ID", "NAME", "SIZE", "PROGS", "MAPS");
        foreach ((BtfInfo btf, uint[] programs, uint[] maps) in uses)
        {
            string name = btf.IsKernel ? $"[{btf.Name}]" : btf.Name.Length > 0 ? btf.Name : "<anon>";
            table.Add($"{btf.Id}", name, $"{btf.Size}", string.Join(',', programs), string.Join(',', maps));
        }

        table.Write(output, indent: "");
    }

    [SupportedOSPlatform("linux")]
    private static void ListJson(bool indented, List<BtfUse> uses, bool isOne) => JsonOutput.Write(indented, json =>
    {
        Holders holders = Holders.Read();
        if (!isOne)
        {
            json.WriteStartArray();
        }

        foreach ((BtfInfo btf, uint[] programs, uint[] maps) in uses)
        {
            json.WriteStartObject();
            json.WriteNumber("id", btf.Id);
            json.WriteNumber("size", btf.Size);
            JsonOutput.WriteIds(json, "prog_ids", programs);
            JsonOutput.WriteIds(json, "map_ids", maps);
            json.WriteBoolean("kernel", btf.IsKernel);
            if (btf.Name.Length > 0)
            {
                json.WriteString("name", btf.Name);
            }

            JsonOutput.WriteHolders(json, holders.Of(HeldKind.Btf, btf.Id));
            json.WriteEndObject();
        }

        if (!isOne)
        {
            json.WriteEndArray();
        }
    });

    private sealed record BtfUse(BtfInfo Btf, uint[] Programs, uint[] Maps);

    /// <param name="roots">Key and value of a map; else none.</param>
    private static BtfTypes Open(BtfDumpWords request, BtfTypes? baseTypes, out TypeId[] roots)
    {
        roots = [];
        switch (request.Source)
        {
            case ["vmlinux"]:
                return OpenFile(KernelTypes, null);
            case ["file", var path]:
                return OpenFile(path, baseTypes);
            case ["id" or "prog" or "map", ..] when !OperatingSystem.IsLinux():
                throw RunErrors.KernelNeedsLinux();
            case ["id", var number]:
                return OpenId(uint.Parse(number, System.Globalization.CultureInfo.InvariantCulture), baseTypes);
            case ["prog", .. var words]:
                return OpenId(BtfOf(words), baseTypes);
            case ["map", var how, var value, .. var parts]:
                MapInfo map = MapOf(how, value);
                string which = parts is [var word] ? word : "kv";
                roots = which switch { "key" => [map.KeyType], "value" => [map.ValueType], "kv" => [map.KeyType, map.ValueType], _ => [] };
                return OpenId(map.BtfId, baseTypes);
            default:
                throw new UsageException($"btf dump takes: {BtfDumpWords.Grammar}");
        }
    }

    [SupportedOSPlatform("linux")]
    private static uint BtfOf(string[] words)
    {
        List<ProgramInfo> programs = ProgramWords.Find(new WordReader("btf dump", words));
        return Only("program", programs, program => program.BtfId, program => program.Id);
    }

    [SupportedOSPlatform("linux")]
    private static MapInfo MapOf(string how, string value)
    {
        List<MapInfo> maps = MapWords.Find(new WordReader("btf dump", [how, value]));
        return maps is [var one] ? one : throw RunErrors.SeveralOfThat("map", value, maps.Select(known => known.Id));
    }

    /// <summary>The types of things that are named alike, if they share them.</summary>
    private static uint Only<T>(string kind, List<T> found, Func<T, uint> btfOf, Func<T, uint> idOf) =>
        found.Select(btfOf).Distinct().Count() == 1 ? btfOf(found[0]) : throw RunErrors.SeveralOfThat(kind, $"id {idOf(found[0])}", found.Select(idOf));

    [SupportedOSPlatform("linux")]
    private static BtfTypes OpenId(uint id, BtfTypes? baseTypes)
    {
        if (id == 0)
        {
            throw new UsageException("it was loaded without BTF");
        }

        // A module's types continue the kernel's.
        BtfInfo? info = KernelInventory.Btfs().FirstOrDefault(btf => btf.Id == id);
        bool isModule = info is { IsKernel: true, Name: not "vmlinux" };
        byte[] bytes = KernelInventory.BtfBytes(id);
        return Parse(bytes, $"BTF {id}", baseTypes ?? (isModule ? OpenFile(KernelTypes, null) : null));
    }

    /// <summary>Raw BTF, or the types of an ELF file. Types of the kernel's modules number on from the kernel's.</summary>
    public static BtfTypes OpenFile(string path, BtfTypes? baseTypes)
    {
        if (!path.StartsWith(KernelFolder, StringComparison.Ordinal) || !OperatingSystem.IsLinux())
        {
            return BtfFile.Read(path, baseTypes);
        }

        ReadOnlyMemory<byte> bytes;
        try
        {
            bytes = KernelTypeFiles.Bytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return BtfFile.Read(path); // Which says what is wrong.
        }

        return BtfFile.Read(bytes, path, path == KernelTypes ? null : baseTypes ?? OpenFile(KernelTypes, null));
    }

    private static BtfTypes Parse(byte[] bytes, string name, BtfTypes? baseTypes)
    {
        try
        {
            return BtfTypes.Parse(bytes, baseTypes);
        }
        catch (BtfFormatException e)
        {
            throw Unreadable(name, e);
        }
    }

    private static ObjectFormatException Unreadable(string name, BtfFormatException e) =>
        new(new Diagnostic("OSM1005", $"the type information of '{name}' cannot be read: {e.Problem}") { Where = $"byte {e.Offset}", Try = "give an object compiled with -g, or a raw BTF file" }, inner: e);
}
