using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia btf list</c> and <c>osmia btf dump {file F | id N | vmlinux}</c>, the latter in bpftool's raw format.</summary>
internal static class BtfCommand
{
    private static readonly byte[] s_elfMagic = [0x7f, (byte)'E', (byte)'L', (byte)'F'];

    public static Command Build()
    {
        var command = new Command("btf", CommandTree.DescriptionOf("btf"));
        var dump = new Command("dump", "Print every type: osmia btf dump file F | id N | vmlinux");
        Argument<string[]> source = new("SOURCE") { Description = "file F (an object or raw BTF), id N (a BTF object of the kernel), or vmlinux", Arity = ArgumentArity.OneOrMore };
        dump.Add(source);
        dump.SetAction(parsed =>
        {
            BtfTypes types = Open(parsed.GetValue(source)!);
            using Stream output = StandardOutput.Open();
            using var buffered = new BufferedStream(output, 1 << 16);
            RawDump.Write(types, buffered);
            return ExitCode.Success;
        });
        command.Add(dump);
        command.Add(BuildList());
        return command;
    }

    private static Command BuildList()
    {
        var list = new Command("list", "List the BTF objects of the kernel and who uses them");
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

            List<BtfUse> uses = Uses();
            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                ListJson(parsed.GetValue(pretty), uses);
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
    private static List<BtfUse> Uses()
    {
        ILookup<uint, uint> programs = KernelInventory.Programs().ToLookup(program => program.BtfId, program => program.Id);
        ILookup<uint, uint> maps = KernelInventory.Maps().ToLookup(map => map.BtfId, map => map.Id);
        return [.. KernelInventory.Btfs().Select(btf => new BtfUse(btf, [.. programs[btf.Id]], [.. maps[btf.Id]]))];
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
    private static void ListJson(bool indented, List<BtfUse> uses) => JsonOutput.Write(indented, json =>
    {
        json.WriteStartArray();
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

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private sealed record BtfUse(BtfInfo Btf, uint[] Programs, uint[] Maps);

    private static BtfTypes Open(string[] words) => words switch
    {
        ["file", var path] => OpenFile(path),
        ["vmlinux"] => OpenFile("/sys/kernel/btf/vmlinux"),
        ["id", var number] when uint.TryParse(number, out uint id) && OperatingSystem.IsLinux() => BtfTypes.Parse(KernelInventory.BtfBytes(id)),
        _ => throw new UsageException("btf dump takes: file F | id N | vmlinux"),
    };

    public static BtfTypes OpenFile(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ObjectFormatException(new Diagnostic("OSM1015", $"'{path}' cannot be read: {e.Message}") { Try = "check the path and your permission to read it" }, inner: e);
        }

        if (bytes.AsSpan().StartsWith(s_elfMagic))
        {
            return BpfObject.Read(bytes, path).Types ?? throw new ObjectFormatException(new Diagnostic("OSM1005", $"'{path}' has no BTF") { Try = "compile it with -g" });
        }

        try
        {
            // Module BTF numbers its types on from the kernel's.
            bool isModule = path.StartsWith("/sys/kernel/btf/", StringComparison.Ordinal) && !path.EndsWith("/vmlinux", StringComparison.Ordinal);
            return BtfTypes.Parse(bytes, isModule ? OpenFile("/sys/kernel/btf/vmlinux") : null);
        }
        catch (BtfFormatException e)
        {
            throw new ObjectFormatException(new Diagnostic("OSM1005", $"the type information of '{path}' cannot be read: {e.Problem}") { Where = $"byte {e.Offset}", Try = "give an object compiled with -g, or a raw BTF file" }, inner: e);
        }
    }
}
