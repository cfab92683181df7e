using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>
/// Values that belong to tasks, inodes, sockets or cgroups: programs ask by the object, the host by its number
/// (<see cref="HostObject"/>, <see cref="VmEngine.AddSocket"/>). The kernel frees a value with its object; here it stays until it is deleted.
/// </summary>
internal sealed unsafe class StorageMap : VmMap
{
    /// <summary>Objects a map keeps values for; the kernel has no limit of its own.</summary>
    public const uint Capacity = 1 << 16;

    private const ulong CreateFlag = 1;

    private readonly HashMap _values;

    public StorageMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId) =>
        _values = new HashMap(engine, definition with { Type = MapType.Hash, MaxEntries = Capacity, Flags = 0 }, objectId) { Face = this };

    /// <summary><see cref="VmMap.Kept"/>, of the values too.</summary>
    public required KeptFields KeptInValues
    {
        init
        {
            Kept = value;
            _values.Kept = value;
        }
    }

    public override ulong MemoryStart => _values.MemoryStart;

    public override ulong MemoryLength => _values.MemoryLength;

    /// <summary>bpf_*_storage_get: the object's value, made when the flags ask for it; null when there is none.</summary>
    public byte* Get(uint id, byte* initial, ulong flags)
    {
        if ((flags & ~CreateFlag) != 0)
        {
            return null;
        }

        byte* value = _values.Lookup((byte*)&id, 0);
        if (value != null || flags == 0)
        {
            return value;
        }

        if (initial != null)
        {
            _ = _values.Put((byte*)&id, initial, 1, AllCpus);
        }
        else
        {
            _ = _values.PutZero((byte*)&id);
        }

        // Whoever of two came second finds the first one's.
        return _values.Lookup((byte*)&id, 0);
    }

    public override byte* Lookup(byte* key, int cpu) => _values.Lookup(key, cpu);

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => _values.Put(key, value, flags, cpu);

    public override int Remove(byte* key) => _values.Remove(key);

    public override bool TryLocate(ulong address, out MapRegion region) => _values.TryLocate(address, out region);

    protected override bool Copy(byte* key, Span<byte> value)
    {
        byte* found = _values.Lookup(key, 0);
        if (found != null)
        {
            new ReadOnlySpan<byte>(found, value.Length).CopyTo(value);
        }

        return found != null;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.NotSupportedHere, "objects and their values are not walked, as in the kernel");
        return false;
    }

    protected override void FreeMemory()
    {
        base.FreeMemory();
        _values.Dispose();
    }
}
