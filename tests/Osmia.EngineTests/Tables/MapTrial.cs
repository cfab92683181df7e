using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Tables;

/// <summary>Creates small maps of every type, and asks the kernel to do one thing with them.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class MapTrial : IDisposable
{
    private const int BufferSize = 64 * 1024;

    // struct bpf_stack_build_id, a frame of a stack trace with the flag for it.
    private const uint StackFrame = 32;

    private const ulong ArenaAddress = 1ul << 44;

    private readonly BpfHandle _inner;
    private readonly BpfHandle _types;
    private readonly byte[] _key = GC.AllocateArray<byte>(BufferSize, pinned: true);
    private readonly byte[] _value = GC.AllocateArray<byte>(BufferSize, pinned: true);
    private readonly byte[] _cursor = GC.AllocateArray<byte>(BufferSize, pinned: true);

    public MapTrial()
    {
        var inner = new MapCreateAttributes { Type = (uint)MapType.Array, KeySize = 4, ValueSize = 4, MaxEntries = 8 };
        _inner = new BpfHandle(BpfSyscall.Call(BpfCommand.MapCreate, ref inner));
        _types = new BpfHandle(LoadTypes());
    }

    /// <summary>Value types of the trial's BTF, by their ids.</summary>
    public const int Int = 1;
    public const int LockValue = 3;
    public const int TimerValue = 5;
    public const int WorkValue = 7;
    public const int PointerValue = 11;

    // And functions.
    public const int MainFunction = 13;
    public const int CallbackFunction = 14;

    // The kernel knows its objects by the names of their structures and tags.
    private static int LoadTypes()
    {
        const uint Struct = 4u << 24;
        const uint Tag = 18u << 24;
        const uint Pointer = 2u << 24;
        const uint Function = 12u << 24;
        const uint Prototype = 13u << 24;
        string names = "\0int\0bpf_spin_lock\0bpf_timer\0bpf_wq\0task_struct\0kptr_untrusted\0v\0m\0main\0callback\0";
        uint[] types =
        [
            Name("int"), 1u << 24, 4, 32 | (1u << 24),
            Name("bpf_spin_lock"), Struct, 4,
            Name("v"), Struct | 1, 8, Name("m"), 2, 0,
            Name("bpf_timer"), Struct, 16,
            Name("v"), Struct | 1, 16, Name("m"), 4, 0,
            Name("bpf_wq"), Struct, 16,
            Name("v"), Struct | 1, 16, Name("m"), 6, 0,
            Name("task_struct"), Struct, 8,
            Name("kptr_untrusted"), Tag, 8,
            0, Pointer, 9,
            Name("v"), Struct | 1, 8, Name("m"), 10, 0,
            0, Prototype, Int,
            Name("main"), Function | 1, 12,
            Name("callback"), Function, 12,
        ];
        uint typeLength = (uint)(types.Length * sizeof(uint));
        uint[] header = [0x0001eb9f, 24, 0, typeLength, typeLength, (uint)names.Length];
        byte[] blob = [.. MemoryMarshal.AsBytes<uint>(header), .. MemoryMarshal.AsBytes<uint>(types), .. System.Text.Encoding.ASCII.GetBytes(names)];
        fixed (byte* data = blob)
        {
            var attributes = new BtfLoadAttributes { Data = (ulong)data, Size = (uint)blob.Length };
            return BpfSyscall.Call(BpfCommand.BtfLoad, ref attributes);
        }

        uint Name(string name) => (uint)names.IndexOf("\0" + name + "\0", StringComparison.Ordinal) + 1;
    }

    public BpfHandle Types => _types;

    /// <summary>Sizes the table allows: those of the type of <see cref="Int"/> where there may be types.</summary>
    public static (uint Key, uint Value, uint Entries) Shape(MapTypeFacts row) => (FirstOf(row.Key, 4, 8), row.NeedsTypes ? 4 : FirstOf(row.Value, StackFrame, 8, 4), row.Entries switch
    {
        MapEntriesRule.MustBeZero => 0,
        MapEntriesRule.RingBytes => (uint)Environment.SystemPageSize,
        _ => 8,
    });

    private static uint FirstOf(MapSizeRule rule, params ReadOnlySpan<uint> sizes)
    {
        foreach (uint size in sizes)
        {
            if (rule.Accepts(size))
            {
                return size;
            }
        }

        return rule.Minimum;
    }

    /// <returns>A descriptor or a negated errno.</returns>
    public int Create(MapTypeFacts row, uint key, uint value, uint entries, MapCreateFlags flags, int valueType, ulong extra = 0)
    {
        var attributes = new MapCreateAttributes
        {
            Type = (uint)row.Type,
            KeySize = key,
            ValueSize = value,
            MaxEntries = entries,
            Flags = (uint)flags,
            InnerMapFd = row.HasInnerMap ? _inner.Descriptor : 0,
            BtfFd = valueType != 0 ? _types.Descriptor : 0,
            BtfKeyType = valueType != 0 ? Int : 0,
            BtfValueType = valueType,
            Extra = extra,
        };
        return BpfSyscall.Call(BpfCommand.MapCreate, ref attributes);
    }

    /// <summary>A map that programs may name: an arena must say where user space will see it.</summary>
    public int Create(MapTypeFacts row)
    {
        (uint key, uint value, uint entries) = Shape(row);
        return Create(row, key, value, entries, row.Needed, row.NeedsTypes ? Int : 0, row.Type == MapType.Arena ? ArenaAddress : 0);
    }

    public bool Accepts(MapTypeFacts row, uint key, uint value, uint entries, MapCreateFlags flags, int valueType = 0)
    {
        int result = Create(row, key, value, entries, flags, valueType);
        if (result >= 0)
        {
            new BpfHandle(result).Dispose();
        }

        return result >= 0;
    }

    public static bool AcceptsInner(MapType outer, int inner)
    {
        var attributes = new MapCreateAttributes { Type = (uint)outer, KeySize = 4, ValueSize = 4, MaxEntries = 4, InnerMapFd = inner };
        int result = BpfSyscall.Call(BpfCommand.MapCreate, ref attributes);
        if (result >= 0)
        {
            new BpfHandle(result).Dispose();
        }

        return result >= 0;
    }

    /// <returns>0 or an errno.</returns>
    public int Do(MapOperations operation, MapTypeFacts row, int map)
    {
        Array.Clear(_key);

        // A descriptor of nothing where descriptors are wanted, and the loopback device.
        Array.Clear(_value);
        MemoryMarshal.Write(_value, row.Type is MapType.Devmap or MapType.DevmapHash ? 1 : int.MaxValue);

        if (row.Type == MapType.LpmTrie)
        {
            _key[0] = 8;
        }

        // A key of no bytes is a null pointer.
        ulong key = row.Key.Maximum == 0 ? 0 : AddressOf(_key);
        int result = operation switch
        {
            MapOperations.Lookup => Element(BpfCommand.MapLookup, map, key, AddressOf(_value)),
            MapOperations.Update => Element(BpfCommand.MapUpdate, map, key, AddressOf(_value)),
            MapOperations.Delete => Element(BpfCommand.MapDelete, map, key, 0),
            MapOperations.Iterate => Element(BpfCommand.MapNextKey, map, key, AddressOf(_value)),
            MapOperations.LookupAndDelete => Element(BpfCommand.MapLookupAndDelete, map, key, AddressOf(_value)),
            MapOperations.LookupBatch => Batch(24, map),
            MapOperations.LookupAndDeleteBatch => Batch(25, map),
            MapOperations.UpdateBatch => Batch(26, map),
            MapOperations.DeleteBatch => Batch(27, map),
            _ => Map(map),
        };
        return result >= 0 ? 0 : -result;
    }

    public void Dispose()
    {
        _inner.Dispose();
        _types.Dispose();
    }

    private static int Element(BpfCommand command, int map, ulong key, ulong value)
    {
        var attributes = new MapElementAttributes { MapFd = map, Key = key, Value = value };
        return BpfSyscall.Call(command, ref attributes);
    }

    private int Batch(int command, int map)
    {
        var attributes = new BatchAttributes { OutBatch = AddressOf(_cursor), Keys = AddressOf(_key), Values = AddressOf(_value), Count = 1, MapFd = map };
        return BpfSyscall.Call((BpfCommand)command, ref attributes);
    }

    private static int Map(int map)
    {
        nint length = Environment.SystemPageSize;
        nint address = Libc.MemoryMap(0, length, Libc.ProtRead, Libc.MapShared, map, 0);
        if (address == Libc.MapFailed)
        {
            return -Marshal.GetLastPInvokeError();
        }

        Libc.MemoryUnmap(address, length);
        return 0;
    }

    private static ulong AddressOf(byte[] pinned) => (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct BatchAttributes
    {
        [FieldOffset(8)] public ulong OutBatch;
        [FieldOffset(16)] public ulong Keys;
        [FieldOffset(24)] public ulong Values;
        [FieldOffset(32)] public uint Count;
        [FieldOffset(36)] public int MapFd;
    }
}
