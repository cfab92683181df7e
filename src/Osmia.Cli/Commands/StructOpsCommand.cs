using System.Buffers.Binary;
using System.CommandLine;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Cli.Commands.Prog;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Runtime;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia struct_ops</c>: structs of the kernel's callbacks that programs implement, with bpftool's words and fields.</summary>
[SupportedOSPlatform("linux")]
internal static class StructOpsCommand
{
    private const string Prefix = "bpf_struct_ops_";
    private const string NoStructs = "no structs of callbacks";

    public static Noun Noun { get; } = new(
        "struct_ops",
        new Verb("show", "[MAP]", "List structs of callbacks", Show) { Aliases = ["list"] },
        new Verb("dump", "[MAP]", "Print what is in structs of callbacks", Dump),
        new Verb("register", "OBJ [LINK_DIR]", "Load an object and register its structs of callbacks; LINK_DIR takes the links of those that have one", Register),
        new Verb("unregister", "MAP", "Unregister a struct of callbacks that no link holds", Unregister));

    public static Command Build() => Noun.Build();

    private static void Show(VerbCall call)
    {
        List<MapInfo> maps = Find(call.Words);
        BtfTypes? types = maps.Count == 0 ? null : KernelTypes();
        call.AnswerList(maps, isArray: true, (json, map) =>
        {
            json.WriteNumber("id", map.Id);
            json.WriteString("name", map.Name);
            json.WriteString("kernel_struct_ops", StructOf(types, map));
        }, NoStructs, () => Table(types, maps));
    }

    private static TextTable Table(BtfTypes? types, List<MapInfo> maps)
    {
        var table = new TextTable("ID", "NAME", "STRUCT", "LINK");
        ILookup<ulong, uint> links = KernelInventory.Links(withDetails: true).Where(link => link.Type == LinkType.StructOps)
            .ToLookup(link => link.Details.FirstOrDefault(detail => detail.Name == "map_id").Value is ulong id ? id : 0, link => link.Id);
        maps.ForEach(map => table.Add($"{map.Id}", map.Name, StructOf(types, map), string.Join(", ", links[map.Id])));
        return table;
    }

    private static void Dump(VerbCall call)
    {
        List<MapInfo> maps = Find(call.Words);
        BtfTypes types = KernelTypes();
        var shapes = new ValueShapes(types);
        var printer = new ValuePrinter();
        call.Answer(
            json =>
            {
                json.WriteStartArray();
                foreach (MapInfo info in maps)
                {
                    WriteInfo(json, types, shapes, printer, info);
                    json.WriteStartObject();
                    json.WritePropertyName(types[info.KernelValueType].Name);
                    WriteStruct(json, types, shapes, printer, types[info.KernelValueType], Value(info));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            output =>
            {
                foreach (MapInfo info in maps)
                {
                    var listing = new StructListing(types, shapes, printer, NameOf);
                    listing.Add(types[info.KernelValueType], Value(info));
                    output.WriteLine($"map {info.Id} {info.Name}: {StructOf(types, info)}");
                    listing.Write(output);
                }

                if (maps.Count == 0)
                {
                    output.WriteLine(NoStructs);
                }
            });
    }

    /// <summary>What the kernel says of the map, in its own struct.</summary>
    private static void WriteInfo(Utf8JsonWriter json, BtfTypes types, ValueShapes shapes, ValuePrinter printer, MapInfo info)
    {
        TypeId type = types.Find(BtfKind.Struct, "bpf_map_info");
        if (type.IsVoid)
        {
            return;
        }

        using KernelMap map = KernelInventory.OpenMap(info.Id);
        byte[] bytes = new byte[types.SizeOf(type)];
        KernelInventory.RawInfo(map, bytes);
        json.WriteStartObject();
        json.WritePropertyName("bpf_map_info");
        printer.WriteJson(json, shapes.Of(type), bytes);
        json.WriteEndObject();
    }

    /// <summary>A struct whose callbacks hold numbers of programs: they are named, with what they are called with.</summary>
    private static void WriteStruct(Utf8JsonWriter json, BtfTypes types, ValueShapes shapes, ValuePrinter printer, BtfType type, ReadOnlySpan<byte> value)
    {
        json.WriteStartObject();
        foreach (StructMember member in StructMember.Of(types, type, value.Length))
        {
            ReadOnlySpan<byte> bytes = value.Slice(member.Offset, member.Size);
            json.WritePropertyName(member.Name);
            if (member.IsStruct)
            {
                WriteStruct(json, types, shapes, printer, member.Resolved, bytes);
            }
            else if (member.Prototype(types) is { } prototype)
            {
                json.WriteStringValue($"{CTypeNames.NameOf(types, prototype.Id)} {Callback(BinaryPrimitives.ReadUInt64LittleEndian(bytes))}");
            }
            else
            {
                printer.WriteJson(json, shapes.Of(member.Type), bytes);
            }
        }

        json.WriteEndObject();
    }

    private static string Callback(ulong program) => program == 0 ? "0" : $"{NameOf(program)}/prog_id:{program}";

    private static string NameOf(ulong program)
    {
        using KernelProgram opened = KernelInventory.OpenProgram((uint)program);
        return KernelInventory.Describe(opened.Handle).FullName;
    }

    private static byte[] Value(MapInfo info)
    {
        using KernelMap map = KernelInventory.OpenMap(info.Id);
        byte[] value = new byte[map.ValueBufferSize];
        return map.TryLookup(stackalloc byte[4], value) ? value : throw RunErrors.NoElement(info.Name, "0");
    }

    private static void Register(VerbCall call)
    {
        string file = call.Words.Next("the object");
        string? folder = call.Words.IsAtEnd ? null : call.Words.Next("the directory of links");
        call.Words.End();
        using KernelEngine engine = KernelEngine.Open();
        using LoadedObject loaded = engine.Load(BpfObject.Read(file), LoadOptions.Default with { LogLevel = call.IsDebug ? 1 : 0 });
        List<KernelMap> maps = [.. loaded.Maps.OfType<KernelMap>().Where(map => map.Type == MapType.StructOps)];
        if (maps.Count == 0)
        {
            throw RunErrors.NoStructOps(file);
        }

        if (folder is null && maps.Find(map => HasLink(map)) is { } linked)
        {
            throw RunErrors.LinkNeedsPin(linked.Name);
        }

        var registered = new List<string>();
        foreach (KernelMap map in maps)
        {
            LoadedProgram program = loaded.Program(map.Definition.Functions[0].Program);
            Link link = engine.Attach(program, new StructOpsTarget(map.Name));
            if (HasLink(map))
            {
                using (link)
                {
                    Directory.CreateDirectory(folder!);
                    KernelInventory.Pin(LinkPin.HandleOf(link), Path.Combine(folder!, map.Name));
                }
            }

            // Without a link the registration itself holds the map; disposing it would take it back.
            registered.Add($"{map.Name} (map {map.Id})");
        }

        call.Done($"registered {string.Join(", ", registered)}");
    }

    private static void Unregister(VerbCall call)
    {
        if (call.Words.IsAtEnd)
        {
            throw new UsageException($"{call.Words.Verb}: the map is missing; name it by {MapWords.Grammar}");
        }

        List<MapInfo> maps = Find(call.Words);
        foreach (MapInfo info in maps)
        {
            using KernelMap map = KernelInventory.OpenMap(info.Id);
            map.Delete(new byte[4]);
        }

        call.Done($"unregistered {string.Join(", ", maps.Select(map => map.Name))}");
    }

    private static bool HasLink(KernelMap map) => ((MapCreateFlags)map.Definition.Flags).HasFlag(MapCreateFlags.Link);

    private static List<MapInfo> Find(WordReader words)
    {
        if (words.IsAtEnd)
        {
            return [.. KernelInventory.Maps().Where(map => map.Type == MapType.StructOps)];
        }

        List<MapInfo> found = MapWords.Find(words);
        words.End();
        return found.Find(map => map.Type != MapType.StructOps) is { } other ? throw RunErrors.NotStructOps(other.Name, other.Type.ToKernelName()) : found;
    }

    private static BtfTypes KernelTypes()
    {
        using KernelEngine engine = KernelEngine.Open();
        return engine.Target.Types ?? throw RunErrors.NoKernelTypes(engine.Target.NoTypesReason);
    }

    /// <summary>The kernel wraps the struct into one of its own, whose name says which.</summary>
    private static string StructOf(BtfTypes? types, MapInfo map) =>
        types is not null && types[map.KernelValueType].Name is var name && name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : "";
}
