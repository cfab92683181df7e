using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>
/// Raises an event every so often, on a thread of the pool, never two at once. A context may have fields Expirations (how many periods have passed since
/// the event before: more than 1 when programs took longer) and TimestampNs (since 1970).
/// </summary>
public sealed class TimerTracepoint<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : Tracepoint<TContext>
    where TContext : unmanaged
{
    private readonly Timer _timer;
    private readonly TimeSpan _period;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private readonly int _expirations;
    private readonly int _timestamp;
    private long _passed;
    private bool _isDisposed;

    public TimerTracepoint(Hook<TContext> hook, TimeSpan period)
        : base(hook)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(period, TimeSpan.FromMilliseconds(1));
        _period = period;
        _expirations = Binding.Find("Expirations");
        _timestamp = Binding.Find("TimestampNs");
        _timer = new Timer(static state => ((TimerTracepoint<TContext>)state!).Tick(), this, period, period);
    }

    /// <summary>When it returns, no program runs for this timer any more. Not to be called by a helper of such a program.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _timer.Dispose();
            lock (_gate)
            {
                _isDisposed = true;
            }
        }
    }

    private void Tick()
    {
        // While programs still run, the periods that pass are counted for the next event.
        if (!_gate.TryEnter())
        {
            return;
        }

        try
        {
            long passed = Stopwatch.GetElapsedTime(_start).Ticks / _period.Ticks;
            if (_isDisposed || passed <= _passed)
            {
                return;
            }

            TContext context = default;
            Span<byte> bytes = Bytes(ref context);
            if (_expirations >= 0)
            {
                Binding.Write(bytes, _expirations, passed - _passed);
            }

            if (_timestamp >= 0)
            {
                Binding.Write(bytes, _timestamp, ContextBinding.NanosecondsOf(DateTime.UtcNow));
            }

            _passed = passed;
            Fire(ref context);
        }
        finally
        {
            _gate.Exit();
        }
    }
}
