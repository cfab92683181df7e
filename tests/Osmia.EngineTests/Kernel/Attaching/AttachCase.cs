using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>One way of attaching one type of program, tried for real: how many events the program counted.</summary>
/// <param name="Program">The program type, in the kernel's words.</param>
/// <param name="Kind">Where it is attached.</param>
[SupportedOSPlatform("linux")]
internal sealed record AttachCase(string Program, string Kind, Func<KernelEngine, ulong> Run)
{
    public string Name => $"{Program}: {Kind}";

    /// <summary><c>seen</c>, or why not in few words that are the same on every machine with that kernel.</summary>
    public string Outcome(KernelEngine engine, out string details)
    {
        try
        {
            ulong events = Run(engine);
            details = $"{events} events";
            return events > 0 ? "event seen" : "attached, no event";
        }
        catch (KernelException e)
        {
            details = e.Message;
            return $"refused: {Errno.Name(e.Errno)} ({e.Id})";
        }
        catch (UnsupportedFeatureException e)
        {
            details = e.Message;
            return $"refused: {e.Id}";
        }
    }
}

/// <summary>Programs of a few instructions that count, and the steps every case has.</summary>
[SupportedOSPlatform("linux")]
internal static class AttachSteps
{
    public const int Hits = 11;

    /// <summary>Counts every run.</summary>
    public static LinkedProgram Count(ProgramType type, AttachType? attach = null, int result = 0) => new Asm().Count(0).Move(R0, result).Exit().Build("count", type, attach);

    /// <summary>Counts the runs of this process.</summary>
    public static LinkedProgram CountOwn(ProgramType type, AttachType? attach = null) =>
        new Asm().OnlyProcess(Environment.ProcessId, "out").Count(0).Label("out").Move(R0, 0).Exit().Build("count_own", type, attach);

    public static LinkedProgram In(this LinkedProgram program, string section, bool isSleepable = false, bool hasFrags = false) =>
        program with { Section = program.Section with { Name = section, IsSleepable = isSleepable, HasFrags = hasFrags } };

    /// <summary>Loads the program with a counter as map 0, attaches it, makes events, and waits a moment for the count.</summary>
    public static ulong Attached(KernelEngine engine, LinkedProgram program, AttachTarget target, Action events, ulong enough = 1, params LinkedMap[] maps)
    {
        using LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter(), .. maps]), LoadOptions.Default);
        using Link link = engine.Attach(loaded.Programs[0], target);
        events();
        return Waited(loaded, enough);
    }

    public static ulong Waited(LoadedObject loaded, ulong enough = 1)
    {
        var clock = Stopwatch.StartNew();
        ulong count;
        while ((count = loaded.Counter()) < enough && clock.ElapsedMilliseconds < 3000)
        {
            Thread.Sleep(2);
        }

        return count;
    }

    public static void Calls()
    {
        for (int i = 0; i < Hits; i++)
        {
            _ = KernelTest.GetProcessGroup(0);
        }
    }

    public static void Burn()
    {
        var clock = Stopwatch.StartNew();
        while (clock.ElapsedMilliseconds < 150)
        {
            Thread.SpinWait(1000);
        }
    }

    /// <summary>Runs in a network namespace of its own; what is thrown there is thrown here.</summary>
    public static ulong Isolated(Func<ulong> action)
    {
        ulong result = 0;
        IsolatedNetwork.Run(() => result = action());
        return result;
    }
}
