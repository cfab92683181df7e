using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Runtime;

/// <summary>A program that an engine accepted.</summary>
public abstract class LoadedProgram(LinkedProgram definition) : IDisposable
{
    public LinkedProgram Definition { get; } = definition;

    public string Name => Definition.Name;

    public ProgramType Type => Definition.Type;

    /// <summary>Whether <see cref="Run"/> hands a frame to the program whole; an engine with narrower limits says so here.</summary>
    public virtual bool TakesFrame(ReadOnlySpan<byte> frame) => true;

    /// <summary>Runs the program once or more on given data: BPF_PROG_TEST_RUN, in either engine.</summary>
    /// <exception cref="Objects.Diagnostics.TrapException">The VM stopped the program at a bad access.</exception>
    public abstract ProgramRunResult Run(in ProgramRun run);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>Input of one run. Spans are read and written only during the call.</summary>
public ref struct ProgramRun
{
    public ProgramRun()
    {
    }

    /// <summary>The packet, or the memory of a memory program.</summary>
    public ReadOnlySpan<byte> Data { get; set; }

    /// <summary>Receives the packet as the program left it; may be empty.</summary>
    public Span<byte> DataOut { get; set; }

    /// <summary>The context structure of the program type (<c>xdp_md</c>, <c>__sk_buff</c>, ...); may be empty.</summary>
    public ReadOnlySpan<byte> Context { get; set; }

    public Span<byte> ContextOut { get; set; }

    public int Repeat { get; set; } = 1;
}

/// <param name="ReturnValue">r0; the kernel reports its low 32 bits.</param>
/// <param name="DataLength">Length of the packet after the run; more than <see cref="ProgramRun.DataOut"/> holds means it was cut.</param>
/// <param name="NanosecondsPerRun">Mean over the repeats, by the engine's own clock.</param>
public readonly record struct ProgramRunResult(ulong ReturnValue, int DataLength, int ContextLength, double NanosecondsPerRun)
{
    /// <summary>Where the last run sent the packet when its verdict is a redirect; the kernel does not tell.</summary>
    public Redirection Redirect { get; init; }
}
