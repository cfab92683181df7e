using Osmia.Objects.Linking;

namespace Osmia.Runtime;

/// <summary>Where programs run: the Linux kernel, or the in-process virtual machine.</summary>
public interface IEngine : IDisposable
{
    /// <summary><c>kernel</c> or <c>vm</c>.</summary>
    string Name { get; }

    /// <summary>What objects are linked against for this engine.</summary>
    Target Target { get; }

    /// <summary>Creates the maps, fills data sections, loads the programs. On failure nothing stays behind.</summary>
    LoadedObject Load(LinkedObject linked, LoadOptions options);

    /// <summary>Attaches a program this engine loaded. Disposing the link detaches it.</summary>
    Link Attach(LoadedProgram program, AttachTarget target);
}

/// <param name="LogLevel">Verifier log: 0 only on failure, 1 and 2 as the kernel numbers them.</param>
public sealed record LoadOptions(int LogLevel = 0)
{
    public static LoadOptions Default { get; } = new();

    /// <summary>Kernel engine: maps that stand in for the object's own, by the object's names; the loaded object owns them from then on.</summary>
    public IReadOnlyDictionary<string, Map> Maps { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, Map>.Empty;

    /// <summary>What happens to a map pinned by name whose shape differs from the object's.</summary>
    public PinPolicy OnPinMismatch { get; init; }

    /// <summary>
    /// For programs of type ext (<c>freplace/FUNCTION</c>): the loaded program whose global function each takes the place of, by the name of the new one.
    /// The same serves tracing programs that watch a function of another BPF program (<c>fentry/FUNCTION</c>).
    /// </summary>
    public IReadOnlyDictionary<string, LoadedProgram> Targets { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, LoadedProgram>.Empty;

    /// <summary>Maps that one program alone may use, map to program, held by the kernel (Linux 6.18): no other program can be loaded with them.</summary>
    public IReadOnlyDictionary<string, string> ExclusiveMaps { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty;
}
