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

    /// <summary>Maps that stand in for the object's own, by name; the loaded object owns them from then on, the failed load too.</summary>
    public IReadOnlyDictionary<string, Map> Maps { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, Map>.Empty;
}
