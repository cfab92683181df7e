using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm.Execution;
using Osmia.Vm.Hooks;
using Osmia.Vm.Loading;
using Osmia.Vm.Kfuncs;
using Osmia.Vm.Maps;
using Osmia.Vm.Timers;

namespace Osmia.Vm;

/// <summary>
/// The in-process engine: runs XDP, traffic control, socket filter and cgroup packet programs, and memory programs, on any
/// operating system and without privileges. Programs need not be verified: each access is checked as it happens.
/// </summary>
public sealed class VmEngine : IEngine
{
    public const string EngineName = "vm";

    private readonly Lock _gate = new();
    private VmMap?[] _maps = new VmMap?[16];
    private VmProgram?[] _programs = new VmProgram?[16];
    private readonly Queue<uint> _freeMapIds = new();
    private readonly Queue<uint> _freeProgramIds = new();
    private uint _lastMapId;
    private uint _lastProgramId;
    private uint _lastObjectId;
    private ulong _seed;

    public VmEngine()
        : this(VmOptions.Default)
    {
    }

    public VmEngine(VmOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Slots);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.InstructionBudget);
        if (options.PerfBufferSize < 4096 || (options.PerfBufferSize & (options.PerfBufferSize - 1)) != 0)
        {
            throw new ArgumentException($"a perf buffer of {options.PerfBufferSize} bytes: it must be a power of two of at least 4096", nameof(options));
        }

        if (options.Mode == VmMode.Verified)
        {
            throw new ArgumentException($"mode {VmMode.Verified} is a program's, not an engine's: load what the verifier accepted with {nameof(LoadVerified)}", nameof(options));
        }

        if (options.TimeBudget is { } time && time <= TimeSpan.Zero)
        {
            throw new ArgumentException($"a time budget of {time}: it must be positive", nameof(options));
        }

        if (options is { TimeBudget: not null, Mode: not VmMode.Metered })
        {
            throw new ArgumentException($"a time budget is kept in mode {VmMode.Metered} only, and the engine's is {options.Mode}", nameof(options));
        }

        Options = options;
        HookTypes = [.. HookTypesOf(options)];
        Target = new Target("vm")
        {
            NoTypesReason = "the VM is no kernel and has no kernel types; give a BTF file to relocate against",
            FunctionNumber = VmKfuncs.NumberOf,
            CpuLimit = options.Slots,
            LackOf = (helper, _) => VmHelpers.Find((int)helper.Id) is null ? $"the VM does not have it: {Helpers.HelperAbsence.Of((int)helper.Id)}" : null,
            ProgramTypes = [.. HookTypes.Select(type => type.Describe())],
        };
        bool isMetered = options.Mode == VmMode.Metered;
        InstructionBudget = isMetered ? options.InstructionBudget : ExecutionSlot.Unlimited;
        _seed = options.Seed ?? (ulong)Random.Shared.NextInt64();
        Slots = new SlotPool(this, options.Slots);
        CookieSecret = NextSeed();
    }

    public string Name => EngineName;

    public VmOptions Options { get; }

    public Target Target { get; }

    /// <summary>The program types that are no kernel's: the application's, and <see cref="SeccompHook"/>.</summary>
    internal ImmutableArray<HookType> HookTypes { get; }

    internal SlotPool Slots { get; }

    /// <summary>What makes this engine's SYN cookies its own.</summary>
    internal ulong CookieSecret { get; }

    internal ObjectStore Objects { get; } = new();

    /// <summary>Objects that programs made (<c>bpf_obj_new</c>) and that a run, map, list or tree holds.</summary>
    public int ObjectCount => Objects.Heap.Count;

    internal DeferredTable Deferred { get; } = new();

    /// <summary>Callbacks of timers and work queues that trapped; <see cref="VmOptions.DeferredTrap"/> hears of each.</summary>
    public long DeferredTraps => Deferred.Traps;

    internal SocketTable Sockets { get; } = new();

    /// <summary>What a run may spend; without metering, more than any run can.</summary>
    internal long InstructionBudget { get; }

    /// <summary>Someone watches a program's instructions.</summary>
    internal bool IsWatched { get; set; }

    internal MapDirectory MapMemory { get; } = new();

    public LoadedObject Load(LinkedObject linked, LoadOptions options) => Load(linked, []);

    /// <summary>
    /// Loads programs that the verifier accepted, in <see cref="VmMode.Verified"/>: the accesses they were proved to make are made
    /// without a check. Programs of packets and of hooks, that is: the others are loaded as by <see cref="Load(LinkedObject, LoadOptions)"/>, for the verdict
    /// is about a context the VM does not give them. A hook's program must have been judged for this engine's <see cref="Target"/>.
    /// </summary>
    /// <param name="verified">Programs of the object, for which the verdict was given.</param>
    /// <exception cref="ArgumentException">A verdict is about another object.</exception>
    public LoadedObject LoadVerified(LinkedObject linked, IReadOnlyList<VerifiedProgram> verified)
    {
        foreach (VerifiedProgram one in verified)
        {
            if (!ReferenceEquals(one.Source, linked) || !linked.Programs.Any(program => ReferenceEquals(program, one.Program)))
            {
                throw new ArgumentException($"program '{one.Program.Name}' was verified as part of another object", nameof(verified));
            }
        }

        return Load(linked, verified);
    }

    /// <summary>A place in the application where programs of a type run; the type is one of <see cref="VmOptions.HookTypes"/>.</summary>
    public Hook<TContext> CreateHook<TContext>(HookType<TContext> type, HookOptions? options = null)
        where TContext : unmanaged =>
        HookTypes.Contains(type) ? new Hook<TContext>(this, type, options ?? HookOptions.Default)
        : throw new ArgumentException($"the engine does not have hook type '{type.Section}': name it in VmOptions.HookTypes", nameof(type));

    private static IEnumerable<HookType> HookTypesOf(VmOptions options)
    {
        var sections = new HashSet<string>(StringComparer.Ordinal);
        foreach (HookType type in options.HookTypes)
        {
            if (!sections.Add(type.Section))
            {
                throw new ArgumentException($"two hook types have section '{type.Section}'", nameof(options));
            }
        }

        return sections.Contains(SeccompHook.Type.Section) ? options.HookTypes : [.. options.HookTypes, SeccompHook.Type];
    }

    private HookType? HookTypeOf(LinkedProgram program)
    {
        TargetProgramType? own = Target.ProgramTypeOf(program.Section.Name);
        return own is null ? null : HookTypes.First(type => type.Section == own.Section);
    }

    private LoadedObject Load(LinkedObject linked, IReadOnlyList<VerifiedProgram> verified)
    {
        uint objectId = NextObjectId();
        var maps = new VmMap[linked.Maps.Length];
        var programs = new VmProgram[linked.Programs.Length];
        var kinds = new ProgramKind[programs.Length];
        var hooks = new HookType?[programs.Length];
        for (int i = 0; i < kinds.Length; i++)
        {
            hooks[i] = HookTypeOf(linked.Programs[i]);
            kinds[i] = ProgramKinds.Of(linked.Programs[i], hooks[i], Options.TreatAsMemoryPrograms);
        }

        try
        {
            for (int i = 0; i < maps.Length; i++)
            {
                maps[i] = MapFactory.Create(this, linked.Maps[i], linked.Types, objectId);
                Register(maps[i]);
            }

            for (int i = 0; i < programs.Length; i++)
            {
                var decoder = new ProgramDecoder(linked.Programs[i], kinds[i], hooks[i],
                    index => (uint)index < (uint)maps.Length ? maps[index].Handle : 0,
                    (index, offset) => maps[index].AddressOf(offset));
                VerifiedProgram? proof = verified.FirstOrDefault(one => ReferenceEquals(one.Program, linked.Programs[i]) && CanTrust(one, kinds[i]));
                programs[i] = new VmProgram(this, linked.Programs[i], kinds[i], hooks[i], objectId, maps, decoder, proof);
                Register(programs[i]);
            }

            MapSlots.Fill(maps, programs);
        }
        catch
        {
            foreach (IDisposable? part in programs.Cast<IDisposable?>().Concat(maps))
            {
                part?.Dispose();
            }

            throw;
        }

        return new LoadedObject(this, linked, programs, maps);
    }

    // The verdict about a hook's program is about the context and helpers of this engine's type.
    private bool CanTrust(VerifiedProgram proof, ProgramKind kind) =>
        (kind & (ProgramKind.Packet | ProgramKind.FlowDissector | ProgramKind.SocketLookup)) != 0 || (kind == ProgramKind.Hook && ReferenceEquals(proof.Target, Target));

    /// <summary>The number that stands for a map of the VM as an element of a map of maps.</summary>
    /// <exception cref="ArgumentException">The map belongs to another engine.</exception>
    public static uint IdOf(Map map) =>
        map is VmMap own ? own.Id : throw new ArgumentException($"map '{map.Name}' is no map of the VM", nameof(map));

    /// <summary>Creates a map of no object, to be put into a map of maps; <see cref="IdOf"/> is its value there.</summary>
    /// <param name="types">The types that the definition names: they tell which locks, timers and pointers its values hold.</param>
    public Map CreateMap(LinkedMap definition, BtfTypes? types = null)
    {
        VmMap map = MapFactory.Create(this, definition, types, NextObjectId());
        Register(map);
        return map;
    }

    /// <summary>Makes a socket known to programs: <c>bpf_sk_lookup_*</c> finds it, and socket maps hold it by its number.</summary>
    /// <returns>The socket's number: its value in a sockmap, its key in a socket storage map.</returns>
    public uint AddSocket(VmSocket socket) => Sockets.Add(socket);

    /// <returns>False when there is no such socket.</returns>
    public bool RemoveSocket(uint number) => Sockets.Remove(number);

    public Link Attach(LoadedProgram program, AttachTarget target) => target is HookTarget hook
        ? hook.Hook.AttachProgram(program, hook)
        : throw new UnsupportedFeatureException(
            new Diagnostic(DiagnosticIds.CannotAttach, $"the VM cannot attach to {target.Describe()}")
            {
                Where = $"program '{program.Name}'",
                Why = "the events of that hook happen in a running kernel; the VM runs programs over packets it is handed",
                Try = "replay a capture (osmia run FILE --packets CAPTURE), call LoadedProgram.Run, or use the kernel engine",
            }, target.Describe(), EngineName);

    public void Dispose()
    {
        Slots.RefuseInsideRun();
        Deferred.Dispose();
        Slots.Dispose();
        Sockets.Dispose();
        Objects.Dispose();
    }

    /// <summary>The map a register value stands for, when the program may use it.</summary>
    internal VmMap? MapOfHandle(ulong value, VmProgram user)
    {
        ulong id = value ^ VmMap.HandleTag;
        VmMap?[] maps = _maps;
        VmMap? map = id < (ulong)maps.Length ? maps[id] : null;
        return map is not null && (map.ObjectId == user.ObjectId || map.IsShared) ? map : null;
    }

    internal VmMap? MapOfId(uint id)
    {
        VmMap?[] maps = _maps;
        return id < (uint)maps.Length ? maps[id] : null;
    }

    internal VmProgram? ProgramOfId(uint id)
    {
        VmProgram?[] programs = _programs;
        return id < (uint)programs.Length ? programs[id] : null;
    }

    internal void Unload(VmProgram program)
    {
        lock (_gate)
        {
            _programs[program.Id] = null;
            _freeProgramIds.Enqueue(program.Id);
        }
    }

    internal void Unload(VmMap map)
    {
        lock (_gate)
        {
            // A map that was refused before it got a number has none to give back.
            if (map.Id != 0)
            {
                _maps[map.Id] = null;
                _freeMapIds.Enqueue(map.Id);
            }

            MapMemory.Remove(map);
        }
    }

    /// <summary>SplitMix64 over the engine's seed.</summary>
    internal ulong NextSeed()
    {
        ulong z = Interlocked.Add(ref _seed, 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    private uint NextObjectId() => Interlocked.Increment(ref _lastObjectId);

    private void Register(VmMap map)
    {
        lock (_gate)
        {
            map.Id = _freeMapIds.TryDequeue(out uint free) ? free : ++_lastMapId;
            Grow(ref _maps, map.Id);
            _maps[map.Id] = map;
            MapMemory.Add(map);
        }
    }

    private void Register(VmProgram program)
    {
        lock (_gate)
        {
            program.Id = _freeProgramIds.TryDequeue(out uint free) ? free : ++_lastProgramId;
            Grow(ref _programs, program.Id);
            _programs[program.Id] = program;
        }
    }

    private static void Grow<T>(ref T[] table, uint index)
    {
        if (index >= (uint)table.Length)
        {
            T[] larger = new T[table.Length * 2];
            table.CopyTo(larger, 0);
            Volatile.Write(ref table, larger);
        }
    }
}
