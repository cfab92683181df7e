using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>The memory an address in a map belongs to: one value of one CPU, or a key.</summary>
internal readonly record struct MapRegion(ulong Low, ulong Length, bool IsWritable);

/// <summary>Map flags of BPF_MAP_CREATE that the VM knows.</summary>
internal static class MapFlags
{
    public const uint NoPreallocation = 1 << 0;
    public const uint NoCommonLru = 1 << 1;
    public const uint ReadOnlyForHost = 1 << 3;
    public const uint WriteOnlyForHost = 1 << 4;
    public const uint StackBuildId = 1 << 5;
    public const uint ZeroSeed = 1 << 6;
    public const uint ReadOnlyForProgram = 1 << 7;
    public const uint WriteOnlyForProgram = 1 << 8;
    public const uint Mmapable = 1 << 10;
    public const uint InnerMap = 1 << 12;
}

/// <summary>
/// A map of the VM. Keys and values are native memory that stays where it is while a program or handle of the map lives,
/// so that programs hold plain pointers. Operations return Linux error numbers; the public face turns them into exceptions.
/// </summary>
internal abstract unsafe partial class VmMap : Map
{
    public const ulong HandleTag = 0xfffe_a000_0000_0000;
    public const int AllCpus = -1;

    private readonly string? _sharedPath;
    private SharedMemory? _shared;
    private GCHandle _reference;
    private byte* _memory;
    private ulong _memoryLength;
    private int _references = 1;
    private volatile bool _isDisposed;

    protected VmMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(definition)
    {
        Engine = engine;
        ObjectId = objectId;
        KeyBytes = definition.KeySize;
        ValueBytes = definition.ValueSize;
        IsWritableByProgram = (definition.Flags & MapFlags.ReadOnlyForProgram) == 0 && definition.Type is not (MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap);
        IsReadableByProgram = (definition.Flags & MapFlags.WriteOnlyForProgram) == 0;
        _sharedPath = engine.Options.SharedMaps.GetValueOrDefault(definition.Name);
        ValuesPerKey = !IsPerCpu ? 1 : _sharedPath is null ? engine.Slots.Count : engine.Slots.Count * SharedMemory.MaxProcesses;
    }

    public VmEngine Engine { get; }

    /// <summary>The number this engine's maps of maps hold for the map.</summary>
    public uint Id { get; internal set; }

    /// <summary>The object whose programs may use the map.</summary>
    public uint ObjectId { get; }

    /// <summary>Set once the host put the map into a map of maps: programs of other objects may then reach it.</summary>
    public bool IsShared { get; private set; }

    /// <summary>The register value that stands for the map.</summary>
    public ulong Handle => HandleTag | Id;

    public override int ValuesPerKey { get; }

    /// <summary>The map lives in a file, with other processes at work in it.</summary>
    public bool IsInFile => _sharedPath is not null;

    /// <summary>The CPU that slot 0 of this process is; others than 0 in files only.</summary>
    public int FirstCpu => _shared is null || !IsPerCpu ? 0 : _shared.Lane * Engine.Slots.Count;

    /// <summary>Where a shared hash map begins its hashes; null when it is this engine's own.</summary>
    protected ulong? SharedSeed => _shared?.Seed;

    /// <summary>No more writes through the public face.</summary>
    public bool IsFrozen { get; set; }

    /// <summary>The fields of a value that copies leave alone.</summary>
    public KeptFields Kept { get; set; } = KeptFields.None;

    /// <summary>Where a value holds a struct bpf_spin_lock; -1 without one.</summary>
    public int SpinLockOffset => Kept.SpinLockOffset;

    public bool IsWritableByProgram { get; }

    public bool IsReadableByProgram { get; }

    /// <summary><see cref="Map.KeySize"/> and <see cref="Map.ValueSize"/>, read at every lookup.</summary>
    public ulong KeyBytes { get; }

    public ulong ValueBytes { get; }

    /// <summary>A value of the map held objects (lists, trees, pointers).</summary>
    public bool HoldsObjects { get; set; }

    /// <summary>The map that programs know, for one that keeps its values.</summary>
    public VmMap? Face { get; set; }

    /// <summary>A value of the map holds a timer or work queue that was initialised.</summary>
    public bool HasDeferredWork { get; set; }

    /// <summary>The host has disposed it; programs, readers and other maps may still hold it.</summary>
    public bool IsGivenUp => _isDisposed;

    /// <summary>Bytes a lookup may read, when they are more than a key: counted against the run that looks up.</summary>
    public uint LookupBytes { get; protected set; }

    /// <summary>Where the collector keeps the map's reference, for compiled code; valid while the map's memory is.</summary>
    public nint Reference
    {
        get
        {
            lock (this)
            {
                if (!_reference.IsAllocated)
                {
                    _reference = GCHandle.Alloc(this);
                }

                return GCHandle.ToIntPtr(_reference);
            }
        }
    }

    /// <summary>The memory that holds values programs get pointers to.</summary>
    public virtual ulong MemoryStart => (ulong)_memory;

    public virtual ulong MemoryLength => _memoryLength;

    protected byte* Memory => _memory;

    /// <summary>The value behind a key as a program in this slot sees it; null when there is none.</summary>
    public abstract byte* Lookup(byte* key, int cpu);

    /// <param name="cpu">Which CPU's value to write; <see cref="AllCpus"/> when <paramref name="value"/> holds them all.</param>
    /// <returns>0 or a negative error number.</returns>
    public abstract int Put(byte* key, byte* value, ulong flags, int cpu);

    /// <returns>0 or a negative error number.</returns>
    public abstract int Remove(byte* key);

    /// <summary>Copies all CPUs' values of a key; false when there is no such key.</summary>
    protected abstract bool Copy(byte* key, Span<byte> value);

    /// <param name="key">Null for the first key.</param>
    protected abstract bool Next(byte* key, Span<byte> next);

    /// <summary><see cref="Next"/> where keys are indexes: behind the last there is none, and behind what is no index the first.</summary>
    protected static bool NextIndex(byte* key, Span<byte> next, uint count)
    {
        uint index = key == null ? uint.MaxValue : Unsafe.ReadUnaligned<uint>(key);
        uint following = index >= count ? 0 : index + 1;
        if (following >= count)
        {
            return false;
        }

        MemoryMarshal.Write(next, following);
        return true;
    }

    /// <summary>The value or key memory around an address of this map's memory.</summary>
    public virtual bool TryLocate(ulong address, out MapRegion region)
    {
        region = default;
        return false;
    }

    /// <summary>The address of a byte in element 0 of an array; null for other kinds.</summary>
    public virtual ulong? AddressOf(uint offset) => null;

    /// <summary>push, pop and peek of queues, stacks and bloom filters; 0 or a negative error number.</summary>
    public virtual int Push(byte* value, ulong flags) => -Errno.NotSupported;

    public virtual int Pop(byte* value) => -Errno.NotSupported;

    public virtual int Peek(byte* value) => -Errno.NotSupported;

    public virtual bool HasPush => false;

    public override bool TryLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckSize(nameof(key), key.Length, KeySize);
        CheckSize(nameof(value), value.Length, ValueBufferSize);
        CheckHostRead("lookup");
        Enter();
        try
        {
            fixed (byte* k = key)
            {
                if (!Copy(k, value))
                {
                    return false;
                }
            }

            HideKept(value);
            return true;
        }
        finally
        {
            Release();
        }
    }

    public override void Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any)
    {
        CheckSize(nameof(key), key.Length, KeySize);
        CheckSize(nameof(value), value.Length, ValueBufferSize);
        CheckHostWrite("update");
        Enter();
        int result;
        try
        {
            fixed (byte* k = key, v = value)
            {
                result = PutFromHost(k, v, (ulong)mode);
            }
        }
        finally
        {
            Release();
        }

        if (result < 0)
        {
            Throw("update", -result, Explain(-result));
        }
    }

    public override bool Delete(ReadOnlySpan<byte> key)
    {
        CheckSize(nameof(key), key.Length, KeySize);
        CheckHostWrite("delete");
        Enter();
        int result;
        try
        {
            fixed (byte* k = key)
            {
                result = Remove(k);
            }
        }
        finally
        {
            Release();
        }

        if (result < 0 && result != -Errno.NoEntry)
        {
            Throw("delete", -result, $"elements of a map of type {Type.ToKernelName()} cannot be deleted");
        }

        return result == 0;
    }

    public override bool TryNextKey(ReadOnlySpan<byte> key, Span<byte> next)
    {
        if (!key.IsEmpty)
        {
            CheckSize(nameof(key), key.Length, KeySize);
        }

        CheckSize(nameof(next), next.Length, KeySize);
        CheckHostRead("next key");
        Enter();
        try
        {
            fixed (byte* k = key)
            {
                return Next(key.IsEmpty ? null : k, next);
            }
        }
        finally
        {
            Release();
        }
    }

    public override UserRingWriter OpenWriter() =>
        throw new UnsupportedFeatureException(
            new Diagnostic(DiagnosticIds.MapHasNoRecords, $"map '{Name}' takes no samples")
            {
                Why = $"it is of type {Type.ToKernelName()}; user_ringbuf maps take samples",
                Try = "update its elements instead",
            }, "sample writer", VmEngine.EngineName);

    public override RecordReader OpenReader() =>
        throw new UnsupportedFeatureException(
            new Diagnostic(DiagnosticIds.MapHasNoRecords, $"map '{Name}' has no records to read")
            {
                Why = $"it is of type {Type.ToKernelName()}; ringbuf and perf_event_array maps have records",
                Try = "read its elements instead",
            }, "record reader", VmEngine.EngineName);

    /// <summary>The C# face of <c>BPF_MAP_FREEZE</c>.</summary>
    public void Freeze() => IsFrozen = true;

    internal void Share() => IsShared = true;

    /// <summary>Keeps the memory for another holder; false when it is already gone.</summary>
    internal bool TryAcquire() => HoldCount.TryAdd(ref _references);

    internal void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            // Runs under way may use what they looked up, as under the kernel's RCU; those that begin later cannot find the map.
            Engine.Slots.WaitForRuns();
            Engine.Unload(this);

            if (HoldsObjects && MemoryLength != 0)
            {
                Engine.Objects.Forget(MemoryStart, MemoryLength);
            }

            // A run that kept an address from before passed its check while the memory was still known: it is waited for too.
            Engine.Slots.WaitForRuns();
            if (_reference.IsAllocated)
            {
                _reference.Free();
            }

            FreeMemory();
        }
    }

    /// <summary>Allocates the map's zeroed memory; untouched pages cost nothing where the OS commits lazily.</summary>
    protected byte* Allocate(ulong size)
    {
        const ulong Limit = 1UL << 40;
        if (_sharedPath is not null && size <= Limit)
        {
            _shared = SharedMemory.Open(_sharedPath, Definition, size, Engine.Slots.Count, Engine.NextSeed());
            _memory = _shared.Memory;
            _memoryLength = size;
            return _memory;
        }

        if (size > Limit || !TryAllocate(size))
        {
            Throw("create", Errno.NoMemory, $"{Definition.MaxEntries} entries need {size} bytes");
        }

        _memoryLength = size;
        return _memory;
    }

    private bool TryAllocate(ulong size)
    {
        try
        {
            // Never empty, and aligned for atomics and locks.
            _memory = (byte*)NativeMemory.AllocZeroed((nuint)Math.Max(size, 8));
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    protected virtual void FreeMemory()
    {
        if (_shared is not null)
        {
            _shared.Dispose();
        }
        else
        {
            NativeMemory.Free(_memory);
        }

        _memory = null;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            Engine.Slots.RefuseInsideRun();
            _isDisposed = true;
            Interlocked.MemoryBarrier();
            if (HasDeferredWork)
            {
                // As in the kernel: the host's hold on the map is what keeps its timers.
                Engine.Deferred.Forget(this);
            }

            Release();
        }
    }

    /// <summary>What stands in a value that is deleted or written over ends with it: timers, lists, objects.</summary>
    protected void ForgetValue(byte* value, ulong length)
    {
        VmMap face = Face ?? this;
        if (face.HasDeferredWork)
        {
            Engine.Deferred.Forget((ulong)value, length);
        }

        if (face.HoldsObjects)
        {
            Engine.Objects.Forget((ulong)value, length);
        }
    }

    /// <summary>The key of a value, for callbacks.</summary>
    /// <param name="scratch">Room for an index.</param>
    public virtual ulong KeyAddressOf(ulong value, uint* scratch) => 0;

    /// <summary>Copies one value, leaving <see cref="Kept"/> as it is.</summary>
    internal void CopyValue(byte* target, byte* source)
    {
        int size = ValueSize;
        if (Kept.Any)
        {
            Kept.Copy(target, source, size);
        }
        else
        {
            Buffer.MemoryCopy(source, target, size, size);
        }
    }

    /// <summary>Hides <see cref="Kept"/> in values that are handed to the host.</summary>
    protected void HideKept(Span<byte> values)
    {
        if (Kept.Any)
        {
            fixed (byte* value = values)
            {
                for (int at = 0; at + ValueSize <= values.Length; at += ValueStride)
                {
                    Kept.Clear(value + at);
                }
            }
        }
    }

    [DoesNotReturn]
    protected void Throw(string operation, int errno, string why) =>
        throw new MapException(
            new Diagnostic(DiagnosticIds.MapOperation, $"{operation} of map '{Name}' failed: {Errno.NameOf(errno)}")
            {
                Why = why,
                Try = errno == Errno.TooBig ? "give the map more max_entries, or delete elements first" : "correct the key, the value or the update mode",
            }, Name, errno);

    private protected virtual string Explain(int errno) => errno switch
    {
        Errno.TooBig => $"the map holds at most {Definition.MaxEntries} elements",
        Errno.Exists => "the key is there already, and the update was to add it (NoExist)",
        Errno.NoEntry => "there is no such key, and the update was to change it (Exist)",
        Errno.Busy => "the value's lock stays taken: a program wrote over it",
        _ => $"maps of type {Type.ToKernelName()} do not take this key, value or mode",
    };

    private void Enter() => ObjectDisposedException.ThrowIf(_isDisposed || !TryAcquire(), this);

    private void CheckHostRead(string operation)
    {
        if ((Definition.Flags & MapFlags.WriteOnlyForHost) != 0)
        {
            Throw(operation, Errno.Perm, "the map was made write-only for the host (BPF_F_WRONLY)");
        }
    }

    private void CheckHostWrite(string operation)
    {
        if (IsFrozen)
        {
            Throw(operation, Errno.Perm, "the map is frozen: constant data cannot change once the object is loaded");
        }

        if ((Definition.Flags & MapFlags.ReadOnlyForHost) != 0)
        {
            Throw(operation, Errno.Perm, "the map was made read-only for the host (BPF_F_RDONLY)");
        }
    }

    private void CheckSize(string name, int actual, int expected)
    {
        if (actual != expected)
        {
            throw new ArgumentException($"map '{Name}': the {name} has {actual} bytes, the map's {expected}", name);
        }
    }
}
