using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Tracing;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>
/// Events of an <see cref="EventSource"/>, such as the runtime's <c>Microsoft-Windows-DotNETRuntime</c>. Besides the payload a context may have fields
/// EventId, EventName, Level, Opcode, Keywords, ThreadId, TimestampNs (since 1970) and ActivityId (16 bytes).
/// </summary>
public sealed class EventSourceTracepoint<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : Tracepoint<TContext>
    where TContext : unmanaged
{
    private readonly Listener _listener;
    private readonly string? _eventName;

    // By number and name: events that describe themselves share a number.
    private readonly ConcurrentDictionary<(int Id, string? Name), int[]> _places = new();

    /// <param name="source">The name of the event source; it may come into being later.</param>
    /// <param name="eventName">Only the event of this name; null for all.</param>
    /// <param name="keywords">Groups of events, as the source defines them.</param>
    public EventSourceTracepoint(Hook<TContext> hook, string source, string? eventName = null, EventLevel level = EventLevel.Informational, EventKeywords keywords = EventKeywords.All)
        : base(hook)
    {
        _eventName = eventName;
        _listener = new Listener();
        _listener.Start(this, source, level, keywords);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _listener.Dispose();
        }
    }

    private void Take(EventWrittenEventArgs written)
    {
        if ((_eventName is not null && written.EventName != _eventName) || !Hook.IsEnabled)
        {
            return;
        }

        TContext context = default;
        Span<byte> bytes = Bytes(ref context);
        Common(bytes, written);
        if (written is { Payload: { } payload, PayloadNames: { } names })
        {
            int[] places = _places.GetOrAdd((written.EventId, written.EventName), static (_, state) => [.. state.names.Select(state.Binding.Find)], (names, Binding));
            for (int i = 0; i < places.Length && i < payload.Count; i++)
            {
                if (places[i] >= 0)
                {
                    Fill(bytes, places[i], payload[i]);
                }
            }
        }

        Fire(ref context);
    }

    private void Common(Span<byte> bytes, EventWrittenEventArgs written)
    {
        for (int field = 0; field < Binding.Count; field++)
        {
            switch (Binding.NameOf(field))
            {
                case "EventId":
                    Binding.Write(bytes, field, (long)written.EventId);
                    break;
                case "EventName":
                    Binding.Write(bytes, field, written.EventName.AsSpan());
                    break;
                case "Level":
                    Binding.Write(bytes, field, (long)written.Level);
                    break;
                case "Opcode":
                    Binding.Write(bytes, field, (long)written.Opcode);
                    break;
                case "Keywords":
                    Binding.Write(bytes, field, (long)written.Keywords);
                    break;
                case "ThreadId":
                    Binding.Write(bytes, field, written.OSThreadId);
                    break;
                case "TimestampNs":
                    Binding.Write(bytes, field, ContextBinding.NanosecondsOf(written.TimeStamp));
                    break;
                case "ActivityId":
                    Binding.Write(bytes, field, written.ActivityId);
                    break;
            }
        }
    }

    // The base constructor of a listener tells of sources at once, before anything here is set.
    private sealed class Listener : OrderedListener
    {
        private readonly Lock _gate = new();
        private readonly List<EventSource> _early = [];
        private volatile EventSourceTracepoint<TContext>? _owner;
        private string _source = "";
        private EventLevel _level;
        private EventKeywords _keywords;

        public void Start(EventSourceTracepoint<TContext> owner, string source, EventLevel level, EventKeywords keywords)
        {
            List<EventSource> early;
            lock (_gate)
            {
                (_source, _level, _keywords) = (source, level, keywords);
                _owner = owner;
                early = [.. _early];
                _early.Clear();
            }

            foreach (EventSource one in early.Where(IsWanted))
            {
                Enable(one, level, keywords);
            }
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            // Null while the base constructor runs.
            if (_gate is null)
            {
                return;
            }

            lock (_gate)
            {
                if (_owner is null)
                {
                    _early.Add(eventSource);
                    return;
                }
            }

            // The runtime's own is older than any listener.
            if (IsWanted(eventSource))
            {
                EnableEvents(eventSource, _level, _keywords);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (_owner is { } owner && eventData.EventSource.Name == _source)
            {
                owner.Take(eventData);
            }
        }

        private bool IsWanted(EventSource source) => source.Name == _source;
    }
}
