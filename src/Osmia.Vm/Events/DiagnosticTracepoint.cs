using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>
/// Events of a <see cref="DiagnosticListener"/>: the public properties of the object that an event carries, by name. Besides them a context may have
/// fields EventName, ThreadId (managed) and TimestampNs (since 1970).
/// </summary>
[RequiresUnreferencedCode("reads the properties of the objects that events carry")]
public sealed class DiagnosticTracepoint<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : Tracepoint<TContext>, IObserver<DiagnosticListener>, IObserver<KeyValuePair<string, object?>>
    where TContext : unmanaged
{
    private readonly string _listener;
    private readonly string? _eventName;
    private readonly ConcurrentDictionary<Type, (PropertyInfo Property, int Field)[]> _properties = new();
    private readonly List<IDisposable> _subscriptions = [];
    private readonly Lock _gate = new();
    private bool _isDisposed;

    /// <param name="listener">The listener's name; it may come into being later.</param>
    /// <param name="eventName">Only the event of this name; null for all.</param>
    public DiagnosticTracepoint(Hook<TContext> hook, string listener, string? eventName = null)
        : base(hook)
    {
        _listener = listener;
        _eventName = eventName;
        Keep(DiagnosticListener.AllListeners.Subscribe(this));
    }

    void IObserver<DiagnosticListener>.OnNext(DiagnosticListener value)
    {
        if (value.Name == _listener)
        {
            Keep(value.Subscribe(this, name => Hook.IsEnabled && (_eventName is null || name == _eventName)));
        }
    }

    void IObserver<KeyValuePair<string, object?>>.OnNext(KeyValuePair<string, object?> value)
    {
        if ((_eventName is not null && value.Key != _eventName) || !Hook.IsEnabled)
        {
            return;
        }

        TContext context = default;
        Span<byte> bytes = Bytes(ref context);
        for (int field = 0; field < Binding.Count; field++)
        {
            switch (Binding.NameOf(field))
            {
                case "EventName":
                    Binding.Write(bytes, field, value.Key.AsSpan());
                    break;
                case "ThreadId":
                    Binding.Write(bytes, field, (long)Environment.CurrentManagedThreadId);
                    break;
                case "TimestampNs":
                    Binding.Write(bytes, field, ContextBinding.NanosecondsOf(DateTime.UtcNow));
                    break;
            }
        }

        if (value.Value is { } payload)
        {
            foreach ((PropertyInfo property, int field) in _properties.GetOrAdd(payload.GetType(), PropertiesOf))
            {
                Fill(bytes, field, (property, payload), static from => from.property.GetValue(from.payload));
            }
        }

        Fire(ref context);
    }

    void IObserver<DiagnosticListener>.OnCompleted()
    {
    }

    void IObserver<DiagnosticListener>.OnError(Exception error)
    {
    }

    void IObserver<KeyValuePair<string, object?>>.OnCompleted()
    {
    }

    void IObserver<KeyValuePair<string, object?>>.OnError(Exception error)
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
        {
            return;
        }

        lock (_gate)
        {
            _isDisposed = true;
            _subscriptions.ForEach(subscription => subscription.Dispose());
            _subscriptions.Clear();
        }
    }

    private void Keep(IDisposable subscription)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                subscription.Dispose();
                return;
            }

            _subscriptions.Add(subscription);
        }
    }

    private (PropertyInfo Property, int Field)[] PropertiesOf(Type type) =>
        [.. type.GetProperties().Where(property => property.CanRead && !property.PropertyType.IsByRefLike && !property.PropertyType.IsByRef).Select(property => (property, Binding.Find(property.Name))).Where(pair => pair.Item2 >= 0 && pair.property.GetIndexParameters().Length == 0)];
}
