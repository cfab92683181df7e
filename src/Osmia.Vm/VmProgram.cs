using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm.Execution;
using Osmia.Vm.Hooks;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm;

/// <summary>A program loaded into a <see cref="VmEngine"/>: interpreted or compiled. Safe for concurrent runs.</summary>
public sealed unsafe partial class VmProgram : LoadedProgram
{
    private readonly VmEngine _engine;
    private readonly bool[] _callbacks;

    // Its code holds addresses in them; a prog array may keep it beyond its object.
    private readonly VmMap[] _maps;
    private readonly VerifiedProgram? _proof;
    private readonly TimeSpan? _timeBudget;
    private volatile bool _isDisposed;
    private int _references = 1;

    internal VmProgram(VmEngine engine, LinkedProgram definition, ProgramKind kind, HookType? hook, uint objectId, VmMap[] maps, ProgramDecoder decoder, VerifiedProgram? proof)
        : base(definition)
    {
        _proof = proof;
        _engine = engine;
        _timeBudget = engine.Options.Mode == VmMode.Metered ? engine.Options.TimeBudget : null;
        Kind = kind;
        HookType = hook;
        ObjectId = objectId;
        Code = decoder.Decode();
        _maps = maps;
        foreach (VmMap map in maps)
        {
            _ = map.TryAcquire();
        }

        _callbacks = decoder.Callbacks;
        ContextLayout = kind == ProgramKind.Memory ? null : hook?.Context ?? ContextLayout.For(definition.Type);
        ContextUsers = hook is null ? ContextLayout.UsersOf(definition.Type, definition.AttachType) : ContextUsers.Owner;
        if (proof is not null)
        {
            BareAccesses.Mark(Code, definition.Instructions.Length, Surroundings());
        }

        Fusion.Fuse(Code, definition.Instructions.Length);
        try
        {
            ChooseTier();
        }
        catch
        {
            // Nobody gets the program: what it holds is given back here.
            FreeParts();
            throw;
        }
    }

    /// <summary>The number this engine's prog arrays hold for the program.</summary>
    public uint Id { get; internal set; }

    public ProgramKind Kind { get; }

    /// <summary>The application's type of a program of <see cref="ProgramKind.Hook"/>, else null.</summary>
    public HookType? HookType { get; }

    /// <summary>How its runs are kept safe.</summary>
    public VmMode Mode => _proof is null ? _engine.Options.Mode : VmMode.Verified;

    internal uint ObjectId { get; }

    /// <summary>One element more than the program has slots; kept until nothing can run it.</summary>
    internal DecodedInstruction* Code { get; private set; }

    internal ContextLayout? ContextLayout { get; }

    internal ContextUsers ContextUsers { get; }

    /// <summary>Flow dissectors see frames with a whole Ethernet header, as in the kernel.</summary>
    public override bool TakesFrame(ReadOnlySpan<byte> frame) => Kind != ProgramKind.FlowDissector || frame.Length >= ExecutionSlot.EthernetHeader;

    /// <exception cref="TrapException">The program did what it may not do, and was stopped.</exception>
    public override ProgramRunResult Run(in ProgramRun run) => Run(run, out _);

    /// <param name="redirection">Where the last run sent the packet when its verdict is a redirect.</param>
    public ProgramRunResult Run(in ProgramRun run, out Redirection redirection) => RunCancellable(run, out redirection, default);

    /// <param name="redirection">Where the last run sent the packet when its verdict is a redirect.</param>
    /// <param name="cancellation">Stops the run with a trap; needs <see cref="VmMode.Metered"/>.</param>
    public ProgramRunResult RunCancellable(in ProgramRun run, out Redirection redirection, CancellationToken cancellation)
    {
        if (cancellation.CanBeCanceled && Mode != VmMode.Metered)
        {
            throw new ArgumentException($"a run can be cancelled in mode {VmMode.Metered} only, and the program's is {Mode}", nameof(cancellation));
        }

        int repeat = run.Repeat;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(repeat);
        ExecutionSlot slot = _engine.Slots.Lease();
        CancellationTokenRegistration registration = default;
        RunClock clock = default;
        try
        {
            // After the lease: disposing waits for leases taken before it.
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            (ulong r1, ulong r2) = slot.Prepare(this, run);
            if (_timeBudget is { } time)
            {
                clock = RunClock.Start(slot, time);
            }

            if (cancellation.CanBeCanceled)
            {
                registration = cancellation.UnsafeRegister(static slot => ((ExecutionSlot)slot!).Cancel(), slot);
            }

            long start = Stopwatch.GetTimestamp();
            ulong result = slot.Run(this, r1, r2, repeat);
            double nanoseconds = (Stopwatch.GetTimestamp() - start) * (1e9 / Stopwatch.Frequency);
            int length = slot.Finish(run, out int contextLength);
            redirection = slot.Redirect;
            return new(result, length, contextLength, nanoseconds / repeat) { Redirect = redirection };
        }
        finally
        {
            // Both wait for a cancellation under way, which must not reach the slot's next run.
            registration.Dispose();
            clock.Dispose();
            slot.AllowToRun();
            slot.Return();
        }
    }

    /// <summary>Runs it once in a slot that was leased and prepared, as one of several that see the same event.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong RunIn(ExecutionSlot slot)
    {
        return _timeBudget is { } time ? RunInTime(slot, time) : slot.Run(this, slot.ContextStart, 0, 1);
    }

    private ulong RunInTime(ExecutionSlot slot, TimeSpan time)
    {
        RunClock clock = RunClock.Start(slot, time);
        try
        {
            return slot.Run(this, slot.ContextStart, 0, 1);
        }
        finally
        {
            clock.Dispose();
            slot.ForgetTime();
        }
    }

    /// <summary>Opens a session in which the program judges many packets, for the calling thread.</summary>
    /// <exception cref="Osmia.Objects.Diagnostics.UnsupportedFeatureException">It is no packet program (OSM6013).</exception>
    public PacketSession OpenPackets() => new(this);

    internal VmEngine Engine => _engine;

    /// <summary>Whether a helper may call what begins at a slot: the program loads its address. Others are compiled for those who call them, and what these hand over.</summary>
    internal bool IsCallback(int slot) => (uint)slot < (uint)_callbacks.Length && _callbacks[slot];

    /// <summary>Keeps the program alive for a prog array; false when it is already gone.</summary>
    internal bool TryAcquire() => HoldCount.TryAdd(ref _references);

    internal void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            _engine.Unload(this);
            _engine.Slots.WaitForRuns();
            FreeParts();
        }
    }

    private void FreeParts()
    {
        _compiled?.Release();
        _replaced?.Release();
        NativeMemory.Free(Code);
        Code = null;
        foreach (VmMap map in _maps)
        {
            map.Release();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _engine.Slots.RefuseInsideRun();
            lock (_compiling)
            {
                if (_isDisposed)
                {
                    // Another thread came first.
                    return;
                }

                _isDisposed = true;
            }

            _engine.Slots.WaitForRuns();
            Release();
        }
    }
}
