using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>Threads that wait to be told to judge packets at the same time, each in a session of its own.</summary>
internal sealed class JudgingThreads : IDisposable
{
    private readonly Action<PacketSession> _work;
    private readonly Barrier _start;
    private readonly Barrier _end;
    private readonly Thread[] _threads;
    private readonly double[] _milliseconds;
    private volatile bool _isOver;
    private int _measuring;

    /// <param name="open">Called on each thread.</param>
    /// <param name="work">What is measured.</param>
    public JudgingThreads(int count, Func<PacketSession> open, Action<PacketSession> work)
    {
        _work = work;
        _start = new Barrier(count + 1);
        _end = new Barrier(count + 1);
        _milliseconds = new double[count];
        _threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() => Judge(i, open)) { IsBackground = true })];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>CPU time of the work, added up over all threads.</summary>
    public double Measure()
    {
        _measuring = _threads.Length;
        _start.SignalAndWait();
        _end.SignalAndWait();
        return _milliseconds.Sum();
    }

    public void Dispose()
    {
        _isOver = true;
        _start.SignalAndWait();
        Array.ForEach(_threads, thread => thread.Join());
        _start.Dispose();
        _end.Dispose();
    }

    private void Judge(int number, Func<PacketSession> open)
    {
        using PacketSession session = open();
        while (true)
        {
            _start.SignalAndWait();
            if (_isOver)
            {
                return;
            }

            // Once before, and again until the last thread is done: none is measured while another rests.
            _work(session);
            _milliseconds[number] = ThreadCpu.Milliseconds(() => _work(session));
            Interlocked.Decrement(ref _measuring);
            while (Volatile.Read(ref _measuring) != 0)
            {
                _work(session);
            }

            _end.SignalAndWait();
        }
    }
}
