namespace Osmia.Vm.Execution;

/// <summary>Stops the run of a slot when its time is over.</summary>
internal readonly struct RunClock : IDisposable
{
    private readonly CancellationTokenSource? _source;
    private readonly CancellationTokenRegistration _registration;

    private RunClock(CancellationTokenSource source, ExecutionSlot slot)
    {
        _source = source;
        _registration = source.Token.UnsafeRegister(static slot => ((ExecutionSlot)slot!).EndTime(), slot);
    }

    public static RunClock Start(ExecutionSlot slot, TimeSpan time) => new(new CancellationTokenSource(time), slot);

    /// <summary>Returns when it can no longer reach the slot.</summary>
    public void Dispose()
    {
        _registration.Dispose();
        _source?.Dispose();
    }
}
