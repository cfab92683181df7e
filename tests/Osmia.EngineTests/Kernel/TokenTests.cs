using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Features;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Rights handed to a user namespace: the tests start themselves again inside of one.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class TokenTests
{
    private const string InsideVariable = "OSMIA_TOKEN_DIRECTORY";

    [Fact]
    public async Task A_process_of_a_user_namespace_loads_with_a_token_and_not_without()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipWhen(engine.Target.KernelVersion < 0x60900, "needs BPF tokens (Linux 6.9)");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Toolchain.Require("clang-19");
        using var folder = new TemporaryFolder();
        string launcher = Path.Combine(folder.Path, "delegate");
        Toolchain.Run("clang-19", "-O1", RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Kernel", "Sources", "delegate.c"), "-o", launcher);
        string mount = Directory.CreateDirectory(Path.Combine(folder.Path, "bpf")).FullName;
        var start = new ProcessStartInfo(launcher, [mount, Environment.ProcessPath!, .. Assembly(), "--no-progress", "--no-ansi", "--explicit", "only", "--filter-method", $"*{nameof(Inside_the_namespace)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[InsideVariable] = mount;
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using Process process = Process.Start(start)!;
        using var limit = new Timer(_ => process.Kill(entireProcessTree: true), null, TimeSpan.FromSeconds(60), Timeout.InfiniteTimeSpan);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string told = await errors;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen(process.ExitCode == 99, $"needs user namespaces: {told}");
        Assert.True(process.ExitCode == 0 && output.Contains("succeeded: 1", StringComparison.Ordinal), output + told);
    }

    /// <summary>Runs only when the other test asks for it.</summary>
    [Fact(Explicit = true)]
    public void Inside_the_namespace()
    {
        string? directory = Environment.GetEnvironmentVariable(InsideVariable);
        Assert.SkipWhen(directory is null, "is started by another test, inside a user namespace");
        KernelException refused = Assert.Throws<KernelException>(() => KernelEngine.Open());
        Assert.Equal("OSM5002", refused.Id);

        using BpfToken token = BpfToken.Create(directory);
        using KernelEngine engine = KernelEngine.Open(directory, token);
        using LoadedObject loaded = engine.Load(Linked.Object(
            [new Asm().Count(0).Move(R0, 2).Exit().Build("inside", ProgramType.Xdp, AttachType.Xdp)],
            [Linked.Counter(), Linked.Map(MapType.Hash, 4, 8, 16, name: "shared") with { Index = 1, PinByName = true }]));
        Assert.Equal(2ul, loaded.Programs[0].Run(new ProgramRun { Data = new byte[64], Repeat = 5 }).ReturnValue);
        Assert.Equal(5ul, loaded.Counter());
        Assert.True(File.Exists(Path.Combine(directory, "shared")));

        // The probes ask with the process's own rights.
        Assert.False(KernelFeatures.Probe().Map(MapType.Hash).IsAvailable);
    }

    // Started by `dotnet FILE.dll` the tests are the first argument, else the process itself.
    private static string[] Assembly() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(TokenTests).Assembly.Location] : [];
}
