using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>
/// BPF_MAP_TYPE_CGROUP_STORAGE and its per-CPU form: a value for each cgroup and attach type (16-byte key) or for each cgroup (8-byte key). The
/// process is one cgroup (<see cref="VmOptions.CgroupId"/>); a value is made when a program first asks for it.
/// </summary>
internal sealed unsafe class CgroupStorageMap : VmMap
{
    private const uint Capacity = 64;

    private readonly HashMap _values;

    public CgroupStorageMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        MapType storage = definition.Type == MapType.CgroupStorage ? MapType.Hash : MapType.PercpuHash;
        _values = new HashMap(engine, definition with { Type = storage, MaxEntries = Capacity, Flags = 0 }, objectId);
    }

    public override ulong MemoryStart => _values.MemoryStart;

    public override ulong MemoryLength => _values.MemoryLength;

    /// <summary>bpf_get_local_storage: never null.</summary>
    public byte* Get(uint attachType, int cpu)
    {
        ulong* key = stackalloc ulong[2];
        key[0] = Engine.Options.CgroupId;
        key[1] = attachType;
        byte* value = _values.Lookup((byte*)key, cpu);
        if (value == null)
        {
            _ = _values.PutZero((byte*)key);
            value = _values.Lookup((byte*)key, cpu);
        }

        return value;
    }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        // The kernel lets the host change what is there, and make nothing.
        const ulong NoExist = 1;
        return flags is NoExist or > 2 ? -Errno.Invalid : _values.Put(key, value, 2, cpu);
    }

    public override int Remove(byte* key) => -Errno.Invalid;

    public override bool TryLocate(ulong address, out MapRegion region) => _values.TryLocate(address, out region);

    protected override bool Copy(byte* key, Span<byte> value) => _values.TryLookup(new ReadOnlySpan<byte>(key, KeySize), value);

    protected override bool Next(byte* key, Span<byte> next) =>
        _values.TryNextKey(key == null ? default : new ReadOnlySpan<byte>(key, KeySize), next);

    protected override void FreeMemory()
    {
        base.FreeMemory();
        _values.Dispose();
    }
}
