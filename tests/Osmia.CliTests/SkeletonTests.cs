using System.Reflection;
using System.Runtime.Loader;

namespace Osmia.Tests;

/// <summary><c>osmia gen skeleton</c>: what it writes compiles without a warning, and works.</summary>
public sealed class SkeletonTests : IDisposable
{
    // The user's side: options, a typed map and a program of the sample firewall, in the virtual machine.
    private const string Use = """
        using System;
        using System.Net;
        using Osmia.Runtime;
        using Osmia.Runtime.Packets.Frames;
        using Osmia.Vm;
        using Demo.Filters;

        public static class Use
        {
            public static string Run()
            {
                using var engine = new VmEngine();
                using var wall = FrontDoor.Open();
                var ports = wall.DenyTcp;
                ports[1] = 8080;
                wall.DenyTcp = ports;
                wall.Load(engine);
                wall.Denylist.Update(new FrontDoor.network4 { prefixlen = 8, addr = BitConverter.ToUInt32([10, 0, 0, 0]) }, FrontDoor.rule.RULE_DENY_SOURCE);
                wall.BlockedPorts.Update((ushort)IPAddress.HostToNetworkOrder((short)53), FrontDoor.blocked.BLOCKED_TCP);
                return $"{Judge("10.1.2.3", 80)} {Judge("192.0.2.1", 80)} {Judge("192.0.2.1", 8080)} {Judge("192.0.2.1", 53)} {wall.DenyTcp[1]} {wall.Deny4[0].prefixlen}";

                ulong Judge(string source, ushort port)
                {
                    var mac = new MacAddress(0x0200_0000_0001);
                    byte[] frame = new FrameBuilder().Ethernet(mac, mac).Ipv4(IPAddress.Parse(source), IPAddress.Parse("192.0.2.9")).Tcp(1000, port, 1, 0, TcpFlags.Syn).Build(60);
                    return wall.Firewall.Run(new ProgramRun { Data = frame }).ReturnValue;
                }
            }
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-skeleton-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_skeleton_compiles_and_its_maps_variables_and_programs_work()
    {
        Write("FrontDoor.cs", "gen", "skeleton", "samples/firewall/firewall.bpf.o", "name", "FrontDoor", "namespace", "Demo.Filters");
        File.WriteAllText(Path.Combine(_folder, "Use.cs"), Use);

        Assembly compiled = Compile();

        // XDP_DROP is 1, XDP_PASS 2.
        Assert.Equal("1 2 1 1 8080 24", compiled.GetType("Use")!.GetMethod("Run")!.Invoke(null, null));
    }

    // The firewall as a part of an object that it was linked into, with its own types and names.
    private const string UsePart = """
        using System;
        using Osmia.Runtime;
        using Osmia.Vm;

        public static class UsePart
        {
            public static string Run()
            {
                using var engine = new VmEngine(new VmOptions { TreatAsMemoryPrograms = true });
                using var whole = Whole.Open();
                var ports = whole.DenyTcp;
                ports[1] = 8080;
                whole.DenyTcp = ports;
                whole.Load(engine);
                Wall part = Wall.Of(whole.Loaded);
                part.Denylist.Update(new Wall.network4 { prefixlen = 8, addr = BitConverter.ToUInt32([10, 0, 0, 0]) }, Wall.rule.RULE_DENY_SOURCE);
                using var other = Osmia.EngineExtensions.Load(engine, Osmia.Objects.BpfObject.Read("{other}"));
                string missing = "";
                try
                {
                    Wall.Of(other);
                }
                catch (ArgumentException e)
                {
                    missing = e.Message;
                }

                return $"{part.DenyTcp[1]} {part.Firewall.Run(new ProgramRun { Data = new byte[64] }).ReturnValue} {whole.CountExec.Name} {missing}";
            }
        }
        """;

    [Fact]
    public void A_subskeleton_is_a_view_of_the_part_an_object_is_of_a_loaded_one()
    {
        string joined = Path.Combine(_folder, "joined.bpf.o");
        (int exitCode, _, string error) = OsmiaCommand.Run("gen", "object", joined, "samples/hello/hello.bpf.o", "samples/firewall/firewall.bpf.o");
        Assert.True(exitCode == 0, error);
        Write("Whole.cs", "gen", "skeleton", joined, "name", "Whole");
        Write("Wall.cs", "gen", "subskeleton", "samples/firewall/firewall.bpf.o", "name", "Wall");
        File.WriteAllText(Path.Combine(_folder, "UsePart.cs"), UsePart.Replace("{other}", RepositoryFiles.PathOf("samples", "packets", "packets.bpf.o"), StringComparison.Ordinal));

        string told = (string)Compile().GetType("UsePart")!.GetMethod("Run")!.Invoke(null, null)!;

        Assert.StartsWith("8080 2 count_exec no loaded program 'firewall'", told, StringComparison.Ordinal);
    }

    [Fact]
    public void Skeletons_of_all_samples_compile_side_by_side()
    {
        foreach (string sample in Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories))
        {
            Write(Path.GetFileName(sample) + ".cs", "gen", "skeleton", sample);
        }

        Assembly compiled = Compile();
        Type ring = compiled.GetType("HelloRing")!;
        Assert.Equal("Osmia.EventStream`1[HelloRing+hello_event]", ring.GetMethod("ReadOutput")!.ReturnType.ToString());
        Assert.Equal("Osmia.Runtime.Map`2[HelloRing+user,HelloRing+greeting]", ring.GetProperty("Config")!.PropertyType.ToString());
        using var open = (IDisposable)ring.GetMethod("Open")!.Invoke(null, null)!;
        Assert.Equal(0u, ring.GetProperty("TargPid")!.GetValue(open));
    }

    [Theory]
    [InlineData(64, "the object", "gen", "skeleton")]
    [InlineData(64, "'1x' is no name in C#", "gen", "skeleton", "samples/hello/hello.bpf.o", "name", "1x")]
    [InlineData(64, "'nonsense' stands where 'namespace' belongs", "gen", "skeleton", "samples/hello/hello.bpf.o", "nonsense")]
    [InlineData(64, "a light skeleton (-L)", "gen", "skeleton", "-L", "samples/hello/hello.bpf.o")]
    [InlineData(1, "OSM1015", "gen", "skeleton", "none.bpf.o")]
    [InlineData(1, "OSM1015", "gen", "subskeleton", "none.bpf.o")]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] arguments)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.Equal(expected, exitCode);
        Assert.Contains(expected == 64 && arguments.Length == 2 ? "" : message, error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    private void Write(string file, params string[] arguments)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.True(exitCode == 0, error);
        File.WriteAllText(Path.Combine(_folder, file), output);
    }

    private Assembly Compile()
    {
        string runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        string sdk = Path.GetFullPath(Path.Combine(runtime, "..", "..", "..", "sdk"));
        string? compiler = Directory.Exists(sdk) ? Directory.GetFiles(sdk, "csc.dll", SearchOption.AllDirectories).FirstOrDefault(file => file.Contains("bincore", StringComparison.Ordinal)) : null;
        Assert.SkipWhen(compiler is null, "needs csc.dll of a .NET SDK");
        string assembly = Path.Combine(_folder, "skeleton.dll");
        string response = Path.Combine(_folder, "options.rsp");
        File.WriteAllLines(response,
        [
            "-nologo", "-target:library", "-nostdlib", "-warnaserror", "-nowarn:1701,1702", $"-out:\"{assembly}\"",
            .. Directory.GetFiles(runtime, "System.*.dll").Where(IsManaged).Concat(Directory.GetFiles(AppContext.BaseDirectory, "Osmia*.dll").Where(file => !Path.GetFileName(file).Contains("Tests", StringComparison.Ordinal))).Select(file => $"-r:\"{file}\""),
            .. Directory.GetFiles(_folder, "*.cs").Select(file => $"\"{file}\""),
        ]);
        string messages = ReferenceTool.RunForAllOutput("dotnet", compiler!, "@" + response);
        Assert.True(File.Exists(assembly), messages);
        return new AssemblyLoadContext("skeleton", isCollectible: true).LoadFromStream(new MemoryStream(File.ReadAllBytes(assembly)));
    }

    private static bool IsManaged(string file) => !Path.GetFileName(file).Contains(".Native.", StringComparison.Ordinal);
}
