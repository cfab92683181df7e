using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Osmia.Vm.Execution;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>
/// A source of events in .NET whose values become the fields of a hook's context, by name (<see cref="PayloadAttribute"/> names others). Fields without a
/// value are zero. Programs run on the thread that raises the event; a program that is stopped disturbs nobody there: its link counts the trap and keeps
/// it. Disposing ends the subscription.
/// </summary>
public abstract class Tracepoint<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : IDisposable
    where TContext : unmanaged
{
    private long _events;
    private long _nested;
    private long _unread;

    private protected Tracepoint(Hook<TContext> hook)
    {
        Hook = hook;
        Binding = ContextBinding.Of<TContext>(hook.Type.Context);
    }

    public Hook<TContext> Hook { get; }

    /// <summary>Events that programs saw.</summary>
    public long Events => Volatile.Read(ref _events);

    /// <summary>
    /// Events that were raised while a tracepoint's programs ran on the same thread, or inside a run while that thread had all slots of the engine;
    /// programs do not see those.
    /// </summary>
    public long Nested => Volatile.Read(ref _nested);

    /// <summary>Values of events whose own code threw when they were asked for: a getter, a <see cref="object.ToString"/>. Programs see zeros there.</summary>
    public long Unread => Volatile.Read(ref _unread);

    /// <summary>What the last of <see cref="Unread"/> threw; null when none did.</summary>
    public Exception? LastUnread { get; private set; }

    private protected ContextBinding Binding { get; }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    private protected static Span<byte> Bytes(ref TContext context) => MemoryMarshal.AsBytes(new Span<TContext>(ref context));

    /// <summary>Writes a value that is an object of the application, whose code may throw: who raised the event does not hear of it.</summary>
    private protected void Fill<TSource>(Span<byte> bytes, int field, TSource source, Func<TSource, object?> read)
    {
        try
        {
            Binding.Write(bytes, field, read(source));
        }
        catch (Exception fault)
        {
            LastUnread = fault is System.Reflection.TargetInvocationException { InnerException: { } inner } ? inner : fault;
            Interlocked.Increment(ref _unread);
        }
    }

    private protected void Fill(Span<byte> bytes, int field, object? value) => Fill(bytes, field, value, static value => value);

    private protected void Fire(ref TContext context)
    {
        if (TracepointNesting.t_isInside)
        {
            Interlocked.Increment(ref _nested);
            return;
        }

        TracepointNesting.t_isInside = true;
        try
        {
            Interlocked.Increment(ref _events);
            Hook.Fire(ref context, TrapPolicy.Skip, CancellationToken.None);
        }
        catch (NoSlotException)
        {
            Interlocked.Decrement(ref _events);
            Interlocked.Increment(ref _nested);
        }
        catch (ObjectDisposedException)
        {
            // The engine went before the subscription ended: there is nobody left to see the event.
            Interlocked.Decrement(ref _events);
        }
        finally
        {
            TracepointNesting.t_isInside = false;
        }
    }
}

/// <summary>Whether the thread is in a tracepoint's programs: what they and their helpers do may raise events too.</summary>
internal static class TracepointNesting
{
    [ThreadStatic]
    public static bool t_isInside;
}
