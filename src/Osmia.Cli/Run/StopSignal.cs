using System.Runtime.InteropServices;

namespace Osmia.Cli.Run;

/// <summary>Ctrl-C, a termination signal or the end of <c>--duration</c>: the run ends in order, detaches and prints its totals.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    public StopSignal()
    {
        foreach (PosixSignal signal in (ReadOnlySpan<PosixSignal>)[PosixSignal.SIGINT, PosixSignal.SIGTERM])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Stop();
            }));
        }
    }

    public CancellationToken Token => _source.Token;

    public bool IsSet => _source.IsCancellationRequested;

    public void Stop() => _source.Cancel();

    public void StopAfter(TimeSpan duration) => _source.CancelAfter(duration);

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }
}
