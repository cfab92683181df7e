namespace Osmia.Runtime;

/// <summary>A program attached to something. Disposing detaches; nothing stays behind when the process dies either.</summary>
public abstract class Link(LoadedProgram program, AttachTarget target) : IDisposable
{
    public LoadedProgram Program { get; } = program;

    public AttachTarget Target { get; } = target;

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
