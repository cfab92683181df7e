using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>The same object in every tier of the VM, and in verified mode where the verifier accepts it.</summary>
internal sealed class VmWays : IDisposable
{
    private readonly List<VmEngine> _engines = [];
    private readonly List<(string Name, LoadedObject Loaded)> _loaded = [];

    public VmWays(LinkedObject linked, int slots)
    {
        Load("interpreter", VmTier.Interpreter, slots, engine => engine.Load(linked, LoadOptions.Default));
        Load("il", VmTier.Il, slots, engine => engine.Load(linked, LoadOptions.Default));
        Load("x64", VmTier.X64, slots, engine => engine.Load(linked, LoadOptions.Default));
        if (VerifiedProgram.Prove(linked, linked.Programs[0], _engines[0].Target, out _) is { } proof)
        {
            Load("interpreter, verified", VmTier.Interpreter, slots, engine => engine.LoadVerified(linked, [proof]));
            Load("il, verified", VmTier.Il, slots, engine => engine.LoadVerified(linked, [proof]));
            Load("x64, verified", VmTier.X64, slots, engine => engine.LoadVerified(linked, [proof]));
        }
    }

    public IReadOnlyList<(string Name, LoadedObject Loaded)> All => _loaded;

    public void Dispose()
    {
        _loaded.ForEach(way => way.Loaded.Dispose());
        _engines.ForEach(engine => engine.Dispose());
    }

    private void Load(string name, VmTier tier, int slots, Func<VmEngine, LoadedObject> load)
    {
        var engine = new VmEngine(new VmOptions { Slots = slots, Tier = tier });
        _engines.Add(engine);
        LoadedObject loaded = load(engine);
        _loaded.Add((name, loaded));
        Assert.Equal(tier, ((VmProgram)loaded.Programs[0]).Tier);
    }
}
