using System.Collections.Immutable;

namespace Osmia.Objects.Linking;

/// <summary>The modules of a target that a linked object uses, numbered from 1 in the order of first use; 0 is the kernel itself.</summary>
internal sealed class ModuleTable(Target target)
{
    private readonly List<int> _used = [];

    public ImmutableArray<string> Names => [.. _used.Select(module => target.Modules[module - 1].Name)];

    /// <param name="module">As <see cref="TargetType.Module"/> counts: 0, or one more than the index in <see cref="Target.Modules"/>.</param>
    public int IndexOf(int module)
    {
        if (module == 0)
        {
            return 0;
        }

        int at = _used.IndexOf(module);
        if (at < 0)
        {
            at = _used.Count;
            _used.Add(module);
        }

        return at + 1;
    }
}
