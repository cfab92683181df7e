using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>
/// Measurements of a <see cref="Meter"/>. A context may have fields Instrument (text), Value (a number, of which a fraction is dropped, or a double) and
/// TimestampNs (since 1970), and tags by their names.
/// </summary>
public sealed class MeterTracepoint<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : Tracepoint<TContext>
    where TContext : unmanaged
{
    private readonly MeterListener _listener = new();

    /// <param name="meter">The meter's name.</param>
    /// <param name="instrument">Only the instrument of this name; null for all.</param>
    public MeterTracepoint(Hook<TContext> hook, string meter, string? instrument = null)
        : base(hook)
    {
        _listener.InstrumentPublished = (published, listener) =>
        {
            if (published.Meter.Name == meter && (instrument is null || published.Name == instrument))
            {
                listener.EnableMeasurementEvents(published);
            }
        };
        _listener.SetMeasurementEventCallback<byte>(Take);
        _listener.SetMeasurementEventCallback<short>(Take);
        _listener.SetMeasurementEventCallback<int>(Take);
        _listener.SetMeasurementEventCallback<long>(Take);
        _listener.SetMeasurementEventCallback<float>(Take);
        _listener.SetMeasurementEventCallback<double>(Take);
        _listener.SetMeasurementEventCallback<decimal>(Take);
        _listener.Start();
    }

    /// <summary>Asks observable instruments for their values, which programs then see.</summary>
    public void Observe() => _listener.RecordObservableInstruments();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _listener.Dispose();
        }
    }

    private void Take<T>(Instrument instrument, T value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
        where T : struct
    {
        if (!Hook.IsEnabled)
        {
            return;
        }

        TContext context = default;
        Span<byte> bytes = Bytes(ref context);
        for (int field = 0; field < Binding.Count; field++)
        {
            switch (Binding.NameOf(field))
            {
                case "Instrument":
                    Binding.Write(bytes, field, instrument.Name.AsSpan());
                    break;
                case "TimestampNs":
                    Binding.Write(bytes, field, ContextBinding.NanosecondsOf(DateTime.UtcNow));
                    break;
                case "Value":
                    WriteValue(bytes, field, value);
                    break;
            }
        }

        foreach ((string name, object? tag) in tags)
        {
            int field = Binding.Find(name);
            if (field >= 0)
            {
                Fill(bytes, field, tag);
            }
        }

        Fire(ref context);
    }

    // The type decides when this is compiled: no value goes to the heap.
    private void WriteValue<T>(Span<byte> bytes, int field, T value)
    {
        if (typeof(T) == typeof(double))
        {
            Binding.Write(bytes, field, Unsafe.As<T, double>(ref value));
        }
        else if (typeof(T) == typeof(float))
        {
            Binding.Write(bytes, field, Unsafe.As<T, float>(ref value));
        }
        else if (typeof(T) == typeof(decimal))
        {
            Binding.Write(bytes, field, (double)Unsafe.As<T, decimal>(ref value));
        }
        else
        {
            Binding.Write(bytes, field, typeof(T) == typeof(long) ? Unsafe.As<T, long>(ref value)
                : typeof(T) == typeof(int) ? Unsafe.As<T, int>(ref value)
                : typeof(T) == typeof(short) ? Unsafe.As<T, short>(ref value)
                : Unsafe.As<T, byte>(ref value));
        }
    }
}
