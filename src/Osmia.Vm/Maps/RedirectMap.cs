using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>
/// Targets of redirections: devices, CPUs, sockets. The VM sends nothing; it records where a packet would go. A value that
/// begins with 32 zero bits is no target. Sockets (sockmap, sockhash, reuseport arrays) are those of <see cref="VmEngine.AddSocket"/>.
/// </summary>
internal sealed unsafe class RedirectMap : VmMap
{
    private readonly VmMap _targets;

    public RedirectMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        bool isHash = definition.Type is MapType.DevmapHash or MapType.Sockhash;
        HoldsSockets = definition.Type is MapType.Sockmap or MapType.Sockhash or MapType.ReuseportSockarray;
        LinkedMap targets = definition with { Type = isHash ? MapType.Hash : MapType.Array, Flags = 0 };
        _targets = isHash ? new HashMap(engine, targets, objectId) : new ArrayMap(engine, targets, objectId);
    }

    /// <summary>A lookup of a program yields a socket.</summary>
    public bool HoldsSockets { get; }

    public override ulong MemoryStart => _targets.MemoryStart;

    public override ulong MemoryLength => _targets.MemoryLength;

    /// <summary>The target's first 32 bits, or 0 when there is none.</summary>
    public uint TargetOf(uint key)
    {
        byte* value = _targets.Lookup((byte*)&key, 0);
        return value == null ? 0 : *(uint*)value;
    }

    /// <summary>Programs see only whether there is a target; the kernel lets them read devmaps and cpumaps.</summary>
    public override byte* Lookup(byte* key, int cpu)
    {
        byte* value = _targets.Lookup(key, cpu);
        return value == null || *(uint*)value == 0 ? null : value;
    }

    /// <summary>The target behind a key of any size; 0 when there is none.</summary>
    public uint TargetAt(byte* key)
    {
        byte* value = _targets.Lookup(key, 0);
        return value == null ? 0 : *(uint*)value;
    }

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        const ulong NoExist = 1;
        const ulong Exist = 2;
        if (!HoldsSockets)
        {
            return PutTarget(key, value, flags);
        }

        uint target = Unsafe.ReadUnaligned<uint>(value);
        bool isThere = TargetAt(key) != 0;
        return flags > Exist || Engine.Sockets.AddressOf(target) == 0 ? -Errno.Invalid
            : Type != MapType.Sockhash && Unsafe.ReadUnaligned<uint>(key) >= Definition.MaxEntries ? -Errno.TooBig
            : flags == NoExist && isThere ? -Errno.Exists
            : flags == Exist && !isThere ? -Errno.NoEntry
            : _targets.Put(key, value, 0, AllCpus);
    }

    private int PutTarget(byte* key, byte* value, ulong flags)
    {
        const ulong Exist = 2;
        const uint LongestQueue = 16384;
        uint target = Unsafe.ReadUnaligned<uint>(value);
        switch (Type)
        {
            // As in the kernel, a device takes a number that had none with any mode.
            case MapType.DevmapHash when flags <= Exist:
                return target == 0 ? -Errno.Invalid : _targets.Put(key, value, flags == Exist ? 0 : flags, AllCpus);
            case MapType.Cpumap when flags == 0 && target > LongestQueue && Unsafe.ReadUnaligned<uint>(key) < Definition.MaxEntries:
                return -Errno.Overflow;
            default:
                return _targets.Put(key, value, flags, AllCpus);
        }
    }

    public override int Remove(byte* key)
    {
        if (Type is MapType.DevmapHash or MapType.Sockhash)
        {
            return _targets.Remove(key);
        }

        byte* value = _targets.Lookup(key, 0);
        if (value == null)
        {
            return -Errno.Invalid;
        }

        new Span<byte>(value, ValueSize).Clear();
        return 0;
    }

    public override bool TryLocate(ulong address, out MapRegion region)
    {
        bool isFound = _targets.TryLocate(address, out region);
        region = region with { IsWritable = false };
        return isFound;
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        byte* found = Lookup(key, 0);
        if (found != null)
        {
            new ReadOnlySpan<byte>(found, value.Length).CopyTo(value);
        }

        return found != null;
    }

    protected override bool Next(byte* key, Span<byte> next) =>
        _targets.TryNextKey(key == null ? default : new ReadOnlySpan<byte>(key, KeySize), next);

    protected override void FreeMemory()
    {
        base.FreeMemory();
        _targets.Dispose();
    }
}
