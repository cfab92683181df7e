using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Hooks;

/// <summary>
/// A program type of an application's own: the section its programs stand in, what they are handed, what they may call and return. Given to an engine
/// (<see cref="VmOptions.HookTypes"/>), it is part of the engine's target: the verifier judges its programs like any others.
/// </summary>
public abstract class HookType
{
    private readonly List<HookHelper> _helpers = [];
    private bool _isSealed;

    private protected HookType(string section, ContextLayout context)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(section);
        if (section.AsSpan().IndexOfAnyExcept(s_sectionLetters) >= 0 || Objects.Sections.SectionTable.Match(section).Pattern.Length != 0)
        {
            throw new ArgumentException($"section '{section}': a hook's section is a word of letters, digits, - and _ that means nothing to the kernel's loaders", nameof(section));
        }

        Section = section;
        Context = context;
    }

    private static readonly System.Buffers.SearchValues<char> s_sectionLetters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    /// <summary>The section of its programs: this word, or one that goes on behind it with <c>/</c>.</summary>
    public string Section { get; }

    /// <summary>What r1 of its programs points to.</summary>
    public ContextLayout Context { get; }

    /// <summary>The application's own functions, in the order of their numbers.</summary>
    public IReadOnlyList<HookHelper> Helpers => _helpers;

    /// <summary>
    /// Besides <see cref="Helpers"/>, its programs may call what programs of this type may call and the VM has: maps, ring buffers, time, text. Null for
    /// nothing else.
    /// </summary>
    public ProgramType? HelpersOf { get; init; } = ProgramType.Tracepoint;

    /// <summary>What r0 may hold at the end, for the verifier; null for any number.</summary>
    public ReturnRange? Returns { get; init; }

    /// <summary>How the verifier and the linker see it. From now on it does not change.</summary>
    internal TargetProgramType Describe()
    {
        _isSealed = true;
        return new TargetProgramType(Section, Context) { Helpers = [.. _helpers.Select(helper => helper.Definition)], HelpersOf = HelpersOf, Returns = Returns };
    }

    internal HookHelper? HelperOf(int id)
    {
        int index = id - Helper.FirstOwnId;
        return (uint)index < (uint)_helpers.Count ? _helpers[index] : null;
    }

    private protected int NextHelperId => Helper.FirstOwnId + _helpers.Count;

    private protected void Add(HookHelper helper)
    {
        if (_isSealed)
        {
            throw new InvalidOperationException($"hook type '{Section}' belongs to an engine already: add helper '{helper.Definition.Name}' before the engine is made");
        }

        if (_helpers.Any(known => known.Definition.Name == helper.Definition.Name))
        {
            throw new ArgumentException($"hook type '{Section}' has a helper '{helper.Definition.Name}' already");
        }

        _helpers.Add(helper);
    }
}
