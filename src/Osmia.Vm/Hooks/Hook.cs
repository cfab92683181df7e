using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Vm.Hooks;

/// <summary>What an event does when one of its programs is stopped by a trap.</summary>
public enum TrapPolicy
{
    /// <summary>The trap goes to whoever raised the event; later programs do not see it.</summary>
    Throw,

    /// <summary>What the program wrote to the context is undone, and the next one runs. The trap is counted and kept (<see cref="HookLink.LastTrap"/>).</summary>
    Skip,
}

/// <summary>How a hook's programs make up one answer.</summary>
public sealed record HookOptions
{
    /// <summary>A program that returns this hands the event on to the next; any other value ends the chain and is the answer. Null: all run, the last one's value is the answer.</summary>
    public int? Next { get; init; } = 0;

    public TrapPolicy OnTrap { get; init; } = TrapPolicy.Throw;

    /// <summary>Measure the time of each run, some 50 ns more an event; runs are counted always.</summary>
    public bool MeasuresTime { get; init; }

    public static HookOptions Default { get; } = new();
}

/// <summary>A place in the application where programs run: attach to it, replace, detach, while events come from any thread.</summary>
public abstract class Hook : IDisposable
{
    // Sorted by priority; never changed, only replaced.
    private volatile HookLink[] _chain = [];
    private readonly Lock _gate = new();
    private bool _isDisposed;

    private protected Hook(VmEngine engine, HookType type, HookOptions options)
    {
        Engine = engine;
        Type = type;
        Options = options;
    }

    public HookType Type { get; }

    public HookOptions Options { get; }

    /// <summary>What is attached, in the order in which it runs.</summary>
    public IReadOnlyList<HookLink> Links => _chain;

    internal VmEngine Engine { get; }

    internal HookLink[] Chain => _chain;

    /// <summary>Attaches a program that this hook's engine loaded. The link keeps the program alive; disposing it detaches.</summary>
    /// <param name="priority">Lower ones run first; of equal ones, the one attached first.</param>
    /// <exception cref="UnsupportedFeatureException">The program is not of the hook's type (OSM6012).</exception>
    public HookLink Attach(LoadedProgram program, int priority = 0) => AttachProgram(program, new HookTarget(this, priority));

    /// <summary>Detaches everything.</summary>
    public void Dispose()
    {
        HookLink[] links;
        lock (_gate)
        {
            _isDisposed = true;
            links = _chain;
        }

        foreach (HookLink link in links)
        {
            link.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    internal HookLink AttachProgram(LoadedProgram program, HookTarget target)
    {
        VmProgram accepted = Accept(program);
        var link = new HookLink(accepted, target);
        lock (_gate)
        {
            if (_isDisposed)
            {
                accepted.Release();
                throw new ObjectDisposedException(nameof(Hook));
            }

            int place = Array.FindIndex(_chain, other => other.Priority > target.Priority);
            place = place < 0 ? _chain.Length : place;
            _chain = [.. _chain[..place], link, .. _chain[place..]];
        }

        return link;
    }

    /// <returns>The program, with a reference more.</returns>
    internal VmProgram Accept(LoadedProgram program)
    {
        if (program is not VmProgram own || own.Engine != Engine || own.HookType != Type)
        {
            throw new UnsupportedFeatureException(
                new Diagnostic(DiagnosticIds.WrongHook, $"program '{program.Name}' cannot be attached to hook '{Type.Section}'")
                {
                    Where = $"program '{program.Name}' (section {program.Definition.Section.Name})",
                    Why = program is not VmProgram ? "another engine loaded it" : ((VmProgram)program).Engine != Engine ? "another virtual machine loaded it" : $"it is a program of {((VmProgram)program).HookType?.Section ?? program.Type.ToString()}, with another context",
                    Try = $"put the program into SEC(\"{Type.Section}\") and load it with the engine that made the hook",
                }, $"hook {Type.Section}", VmEngine.EngineName);
        }

        ObjectDisposedException.ThrowIf(!own.TryAcquire(), program);
        return own;
    }

    /// <summary>When it returns, no event sees the link any more.</summary>
    internal void Remove(HookLink link)
    {
        Engine.Slots.RefuseInsideRun();
        lock (_gate)
        {
            _chain = [.. _chain.Where(other => other != link)];
        }

        Engine.Slots.WaitForRuns();
    }
}

/// <summary>A hook and the place among its programs.</summary>
public sealed record HookTarget(Hook Hook, int Priority) : AttachTarget
{
    public override string Describe() => $"hook {Hook.Type.Section}, priority {Priority}";
}
