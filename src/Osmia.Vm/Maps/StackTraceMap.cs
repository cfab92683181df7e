using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>
/// BPF_MAP_TYPE_STACK_TRACE: call chains by a number made of their content. A chain of the VM is the program's own: the calls that led to the
/// helper, each as the value a register has that holds a function's address (<c>FunctionPointer</c>), with the slot of the call.
/// </summary>
internal sealed unsafe class StackTraceMap : VmMap
{
    // The kernel sets all their memory aside; here a place costs a reference.
    private const uint MaxTraces = 1 << 24;

    private readonly Trace?[] _traces;
    private readonly Lock _gate = new();

    private sealed record Trace(uint Hash, ulong[] Frames);

    public StackTraceMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        if (definition.MaxEntries > MaxTraces)
        {
            Throw("create", Errno.NoMemory, $"{definition.MaxEntries} stack traces, and the VM keeps at most {MaxTraces} in a map");
        }

        _traces = new Trace?[BitOperations.RoundUpToPowerOf2(definition.MaxEntries)];
    }

    public int MaxFrames => ValueSize / sizeof(ulong);

    /// <summary>The number of a chain, kept now or before; or a negative error number.</summary>
    /// <param name="compareHashOnly">BPF_F_FAST_STACK_CMP.</param>
    /// <param name="replaces">BPF_F_REUSE_STACKID.</param>
    public int Keep(ReadOnlySpan<ulong> frames, bool compareHashOnly, bool replaces)
    {
        if (frames.IsEmpty)
        {
            return -Errno.Fault;
        }

        frames = frames[..Math.Min(frames.Length, MaxFrames)];
        uint hash;
        fixed (ulong* first = frames)
        {
            hash = KeyHash.Of((byte*)first, (uint)(frames.Length * sizeof(ulong)), 0);
        }

        int id = (int)(hash & (uint)(_traces.Length - 1));
        Trace? found = Volatile.Read(ref _traces[id]);
        if (found is not null && found.Hash == hash && (compareHashOnly || frames.SequenceEqual(found.Frames)))
        {
            return id;
        }

        if (found is not null && !replaces)
        {
            return -Errno.Exists;
        }

        // Once for each chain, not for each event.
        Volatile.Write(ref _traces[id], new Trace(hash, frames.ToArray()));
        return id;
    }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => -Errno.Invalid;

    public override int Remove(byte* key)
    {
        uint id = Unsafe.ReadUnaligned<uint>(key);
        return id >= (uint)_traces.Length ? -Errno.TooBig : Interlocked.Exchange(ref _traces[id], null) is null ? -Errno.NoEntry : 0;
    }

    protected override int Take(byte* key, byte* value)
    {
        lock (_gate)
        {
            return Copy(key, new Span<byte>(value, ValueSize)) ? Remove(key) : -Errno.NoEntry;
        }
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        uint id = Unsafe.ReadUnaligned<uint>(key);
        if (id >= (uint)_traces.Length || Volatile.Read(ref _traces[id]) is not { } trace)
        {
            return false;
        }

        value.Clear();
        MemoryMarshal.AsBytes(trace.Frames.AsSpan()).CopyTo(value);
        return true;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        // As in the kernel, a trace that is not there starts over.
        uint id = key != null && Unsafe.ReadUnaligned<uint>(key) is var last && last < (uint)_traces.Length && Volatile.Read(ref _traces[last]) is not null ? last + 1 : 0;
        while (id < (uint)_traces.Length && Volatile.Read(ref _traces[id]) is null)
        {
            id++;
        }

        if (id >= (uint)_traces.Length)
        {
            return false;
        }

        MemoryMarshal.Write(next, id);
        return true;
    }
}
