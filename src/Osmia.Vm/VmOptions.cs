namespace Osmia.Vm;

/// <summary>Receives one line of bpf_trace_printk or bpf_trace_vprintk, without the final line feed. The span is valid only during the call.</summary>
public delegate void TraceHandler(ReadOnlySpan<byte> text);

/// <summary>How a <see cref="VmEngine"/> behaves. Fixed for the engine's life.</summary>
public sealed record VmOptions
{
    /// <summary>Runs that may be under way at once: the CPUs a program sees.</summary>
    public int Slots { get; init; } = Environment.ProcessorCount;

    /// <summary>How runs are kept safe.</summary>
    public VmMode Mode { get; init; } = VmMode.Metered;

    /// <summary>What runs the programs.</summary>
    public VmTier Tier { get; init; } = VmTier.Auto;

    /// <summary>
    /// Instructions one run may execute before it is stopped (<see cref="VmMode.Metered"/>); bulk work of helpers counts too. Compiled code counts
    /// what its loops span each time they turn, not every instruction.
    /// </summary>
    public long InstructionBudget { get; init; } = 1L << 26;

    /// <summary>Time one call of Run may take, all its repeats together (<see cref="VmMode.Metered"/>); null sets no limit.</summary>
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>
    /// Loads programs of types that mean nothing in a process (tracepoint, kprobe, ...) as memory programs:
    /// r1 is the run's data, r2 its length.
    /// </summary>
    public bool TreatAsMemoryPrograms { get; init; }

    /// <summary>Start of bpf_get_prandom_u32 and of hash seeds; null takes a new one for each engine.</summary>
    public ulong? Seed { get; init; }

    /// <summary>Nanoseconds of the monotonic clock; null is the host's.</summary>
    public Func<ulong>? MonotonicClock { get; init; }

    /// <summary>
    /// Files that hold maps, by the maps' names: processes that name the same file share the map. Arrays, hashes, per-CPU arrays and ring buffers without
    /// locks, timers and pointers; others are refused (OSM6022).
    /// </summary>
    public IReadOnlyDictionary<string, string> SharedMaps { get; init; } = new Dictionary<string, string>();

    /// <summary>The number of the cgroup the process is in, as programs see it.</summary>
    public ulong CgroupId { get; init; } = 1;

    /// <summary>Devices, routes and neighbours that helpers are told of.</summary>
    public VmNetwork Network { get; init; } = new();

    /// <summary>Where copies of packets go that programs send (bpf_clone_redirect); null drops them. Called on the thread of the run.</summary>
    public CloneHandler? Cloned { get; init; }

    /// <summary>Hears of callbacks of timers and work queues that trapped, on the thread they ran on; what it throws ends the process.</summary>
    public Action<Osmia.Objects.Diagnostics.TrapException>? DeferredTrap { get; init; }

    /// <summary>Where traced text goes; null drops it. Called on the thread of the run.</summary>
    public TraceHandler? Trace { get; init; }

    /// <summary>Bytes of the record buffer each slot gets when a perf event array is read; a power of two.</summary>
    public int PerfBufferSize { get; init; } = 256 * 1024;

    /// <summary>Program types of the application's own; <see cref="VmEngine.CreateHook"/> makes hooks of them.</summary>
    public IReadOnlyList<Hooks.HookType> HookTypes { get; init; } = [];

    public static VmOptions Default { get; } = new();
}
