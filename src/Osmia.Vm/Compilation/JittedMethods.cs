using System.Diagnostics;
using System.Diagnostics.Tracing;
using Osmia.Vm.Events;

namespace Osmia.Vm.Compilation;

/// <summary>Where the runtime's compiler puts the code of methods, by its own events.</summary>
internal sealed class JittedMethods : OrderedListener
{
    private const EventKeywords Jit = (EventKeywords)0x10;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, (ulong Address, int Size)> _seen = [];
    private EventSource? _runtime;

    public JittedMethods()
    {
        // Null where the application has no event sources.
        if (_runtime is not null)
        {
            Enable(_runtime, EventLevel.Verbose, Jit);
        }
    }

    /// <summary>The code of a method that was compiled just now; null when the runtime does not tell, or compiled it before.</summary>
    public (ulong Address, int Size)? Find(string method)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            // The events come from another thread.
            lock (_seen)
            {
                if (_seen.TryGetValue(method, out (ulong, int) found))
                {
                    return found;
                }

                if (clock.Elapsed > s_patience)
                {
                    return null;
                }
            }

            Thread.Sleep(5);
        }
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
        {
            _runtime = eventSource;
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventName?.StartsWith("MethodLoadVerbose", StringComparison.Ordinal) != true || eventData is not { Payload: { } payload, PayloadNames: { } names })
        {
            return;
        }

        string name = (string)payload[names.IndexOf("MethodName")]!;
        ulong address = Convert.ToUInt64(payload[names.IndexOf("MethodStartAddress")], null);
        int size = Convert.ToInt32(payload[names.IndexOf("MethodSize")], null);
        lock (_seen)
        {
            _seen[name] = (address, size);
        }
    }
}
