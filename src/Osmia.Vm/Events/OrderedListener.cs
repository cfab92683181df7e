using System.Diagnostics.Tracing;

namespace Osmia.Vm.Events;

/// <summary>
/// A listener that is enabled and disposed by one thread at a time. For the runtime's own events .NET 10 takes two locks, its listeners' and its dispatcher's: the former
/// first when one is disposed, the latter first when one is enabled. Two threads that do so at once may wait for each other for ever.
/// </summary>
internal abstract class OrderedListener : EventListener
{
    private static readonly Lock s_order = new();

    /// <summary>Never from <see cref="EventListener.OnEventSourceCreated"/> for the runtime's events: the listeners' lock is held there.</summary>
    protected void Enable(EventSource source, EventLevel level, EventKeywords keywords)
    {
        lock (s_order)
        {
            EnableEvents(source, level, keywords);
        }
    }

    public override void Dispose()
    {
        lock (s_order)
        {
            base.Dispose();
        }
    }
}
