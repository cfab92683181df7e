using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Readers;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Maps;

/// <summary>A map in the kernel. Owns its descriptor; the kernel keeps the map while a program or another descriptor uses it.</summary>
public sealed partial class KernelMap : Map
{
    // What every element access compares, worked out once.
    private readonly int _keyBytes;
    private readonly int _valueBytes;
    private int _hasReader;
    private ArenaMemory? _arena;

    internal KernelMap(LinkedMap definition, BpfHandle handle)
        : base(definition)
    {
        Handle = handle;
        ValuesPerKey = IsPerCpu ? PossibleCpus.Count : 1;
        (_keyBytes, _valueBytes) = (KeySize, ValueBufferSize);
    }

    public BpfHandle Handle { get; }

    public override int ValuesPerKey { get; }

    /// <summary>A struct_ops map: its value with the descriptors of its programs, as it is registered.</summary>
    internal ReadOnlyMemory<byte> StructValue { get; set; }

    /// <summary>An arena's memory, shared with programs; empty for other maps, and after the map was disposed.</summary>
    public Span<byte> ArenaBytes => _arena is { } arena ? arena.Bytes : default;

    internal void MapArena() => _arena = ArenaMemory.Create(this);

    /// <summary>The kernel's number of the map, as <c>bpftool map</c> shows it.</summary>
    public uint Id
    {
        get
        {
            var info = new MapInfoData();
            int result = BpfSyscall.Info(Handle.Descriptor, ref info);
            return result >= 0 ? info.Id : throw Failed("BPF_OBJ_GET_INFO_BY_FD", "cannot be described", result);
        }
    }

    /// <remarks>A prog array and a map-in-map answer with ids. A queue and a stack (empty key) show the element that is next.</remarks>
    public override bool TryLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckKey(key);
        CheckValue(value);
        return Find(Operate(BpfCommand.MapLookup, key, value), "BPF_MAP_LOOKUP_ELEM", "cannot be read");
    }

    public override bool TryTake(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckKey(key);
        CheckValue(value);
        return Find(Operate(BpfCommand.MapLookupAndDelete, key, value), "BPF_MAP_LOOKUP_AND_DELETE_ELEM", "gives no element away");
    }

    public override void Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any)
    {
        CheckKey(key);
        CheckValue(value);
        int result = Operate(BpfCommand.MapUpdate, key, value, (ulong)mode);
        if (result >= 0)
        {
            return;
        }

        (string? why, string? remedy) = -result switch
        {
            Errno.E2BIG when Type is MapType.Array or MapType.PercpuArray or MapType.ProgArray or MapType.PerfEventArray or MapType.ArrayOfMaps =>
                ($"the index is not below max_entries {Definition.MaxEntries}", "use a smaller index or a larger map"),
            Errno.E2BIG => ($"the map holds max_entries {Definition.MaxEntries} elements already", "delete elements, make the map larger, or use an LRU type"),
            Errno.EPERM => (Definition.IsFrozen ? "the map holds constants and was frozen when the object was loaded" : "the map is frozen or read-only for system calls", "set constants before loading the object"),
            Errno.EEXIST => ("the key exists already (mode NoExist; every index of an array exists)", (string?)null),
            Errno.ENOENT => ("the key does not exist (mode Exist), or the value names an object that is gone", null),
            _ => (null, null),
        };
        throw Failed("BPF_MAP_UPDATE_ELEM", $"refused an update of key {Convert.ToHexStringLower(key)}", result, why, remedy);
    }

    public override bool Delete(ReadOnlySpan<byte> key)
    {
        CheckKey(key);
        return Find(Operate(BpfCommand.MapDelete, key, default), "BPF_MAP_DELETE_ELEM", "deletes no elements");
    }

    public override bool TryNextKey(ReadOnlySpan<byte> key, Span<byte> next)
    {
        if (!key.IsEmpty)
        {
            CheckKey(key);
        }

        if (next.Length < KeySize)
        {
            throw new ArgumentException($"map '{Name}' has keys of {KeySize} bytes; the span has {next.Length}", nameof(next));
        }

        return Find(Operate(BpfCommand.MapNextKey, key, next), "BPF_MAP_GET_NEXT_KEY", "cannot be walked");
    }

    /// <summary>Puts a program into a prog array, or another map into a map-in-map.</summary>
    public void SetElement(ReadOnlySpan<byte> key, LoadedProgram program) =>
        SetElement(key, program is KernelProgram loaded ? loaded.Handle : throw new ArgumentException("not a program of the kernel engine", nameof(program)));

    /// <inheritdoc cref="SetElement(ReadOnlySpan{byte}, LoadedProgram)"/>
    public void SetElement(ReadOnlySpan<byte> key, Map inner) =>
        SetElement(key, inner is KernelMap map ? map.Handle : throw new ArgumentException("not a map of the kernel engine", nameof(inner)));

    internal void SetElement(ReadOnlySpan<byte> key, BpfHandle handle)
    {
        Span<byte> value = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(value, handle.Descriptor);
        Update(key, value);
        GC.KeepAlive(handle);
    }

    /// <summary>From now on no system call may write the map; programs still may unless it is read-only for them.</summary>
    public void Freeze()
    {
        int result = BpfSyscall.MapFreeze(Handle.Descriptor);
        if (result < 0)
        {
            throw Failed("BPF_MAP_FREEZE", "cannot be frozen", result);
        }
    }

    public override RecordReader OpenReader() => Type switch
    {
        MapType.Ringbuf => new RingBufferReader(Name, new KernelRingBufferMemory(this)),
        MapType.PerfEventArray => new PerfBufferReader(this, new PerfBufferOptions()),
        _ => throw Refusal.Unsupported("OSM5015", $"map '{Name}' ({Type.ToKernelName()}) has no records to read", $"records of {Type.ToKernelName()}",
            "only ring buffers (ringbuf) and perf buffers (perf_event_array) carry records", "read its elements instead"),
    };

    /// <summary>Opens the consumer of a perf event array with a layout of its own.</summary>
    /// <exception cref="UnsupportedFeatureException">OSM5015: the map is no perf buffer.</exception>
    public RecordReader OpenReader(PerfBufferOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Type == MapType.PerfEventArray ? new PerfBufferReader(this, options)
            : throw Refusal.Unsupported("OSM5015", $"map '{Name}' ({Type.ToKernelName()}) is no perf buffer", $"perf records of {Type.ToKernelName()}",
                "only perf_event_array has rings with such options", "open its reader without options");
    }

    /// <summary>Records have one consumer: two would each see some of them, or the same twice.</summary>
    internal void TakeReader()
    {
        if (Interlocked.Exchange(ref _hasReader, 1) != 0)
        {
            throw new InvalidOperationException($"map '{Name}' has an open reader already; dispose it first");
        }
    }

    internal void ReturnReader() => Volatile.Write(ref _hasReader, 0);

    internal KernelException Failed(string command, string what, int result, string? why = null, string? remedy = null) =>
        Refusal.Of("OSM5012", $"map '{Name}' ({Type.ToKernelName()}) {what}", $"bpf({command})", result, $"map '{Name}'", why, remedy, Capability.Bpf);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _arena?.Dispose();
            Handle.Dispose();
        }
    }

    private int Operate(BpfCommand command, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags = 0)
    {
        int result = BpfSyscall.MapOperation(command, Handle.Descriptor, key, value, flags);
        GC.KeepAlive(this);
        return result;
    }

    private bool Find(int result, string command, string what) =>
        result >= 0 || (-result == Errno.ENOENT ? false : throw Failed(command, what, result));

    // The kernel copies as many bytes as the map says: a short span would be overrun.
    private void CheckKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != _keyBytes)
        {
            throw WrongKey(key.Length, nameof(key));
        }
    }

    private void CheckValue(ReadOnlySpan<byte> value)
    {
        if (value.Length != _valueBytes)
        {
            throw WrongValue(value.Length, nameof(value));
        }
    }

    private ArgumentException WrongKey(int length, string parameter) => new($"map '{Name}' has keys of {KeySize} bytes; the span has {length}", parameter);

    private ArgumentException WrongValue(int length, string parameter) =>
        new($"map '{Name}' has values of {ValueBufferSize} bytes{(IsPerCpu ? $" ({ValuesPerKey} CPUs)" : "")}; the span has {length}", parameter);
}
