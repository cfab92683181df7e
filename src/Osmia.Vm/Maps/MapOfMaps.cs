using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>
/// Maps by index or key. A program's lookup yields the inner map; the public face writes and reads
/// <see cref="VmMap.Id"/>. Only the host changes it, as in the kernel.
/// </summary>
internal sealed unsafe class MapOfMaps : VmMap
{
    private readonly VmMap _ids;
    private readonly Lock _gate = new();

    public MapOfMaps(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        MapType storage = definition.Type == MapType.ArrayOfMaps ? MapType.Array : MapType.Hash;
        LinkedMap ids = definition with { Type = storage, InnerMap = null, Flags = 0, DataSection = default };
        _ids = storage == MapType.Array ? new ArrayMap(engine, ids, objectId) : new HashMap(engine, ids, objectId);
    }

    /// <summary>The inner map behind a key, or null.</summary>
    public VmMap? InnerAt(byte* key, int cpu)
    {
        byte* id = _ids.Lookup(key, cpu);
        return id == null ? null : Engine.MapOfId(*(uint*)id);
    }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        VmMap? inner = Engine.MapOfId(Unsafe.ReadUnaligned<uint>(value));
        return inner is null ? -Errno.NoEntry : Set(key, inner, flags);
    }

    public int Set(byte* key, VmMap inner, ulong flags)
    {
        if (flags != 0 && Type == MapType.ArrayOfMaps)
        {
            return -Errno.Invalid;
        }

        if (!IsLike(inner.Definition) || inner is MapOfMaps or ProgramArrayMap || inner.SpinLockOffset >= 0 || !inner.TryAcquire())
        {
            return -Errno.Invalid;
        }

        inner.Share();
        VmMap? old;
        int result;
        lock (_gate)
        {
            old = InnerAt(key, 0);
            uint id = inner.Id;
            result = _ids.Put(key, (byte*)&id, flags, AllCpus);
        }

        if (result != 0)
        {
            inner.Release();
            return result;
        }

        old?.Release();
        return 0;
    }

    public override int Remove(byte* key)
    {
        VmMap? old;
        int result = 0;
        lock (_gate)
        {
            old = InnerAt(key, 0);
            if (Type == MapType.HashOfMaps)
            {
                result = _ids.Remove(key);
            }
            else if (old is null)
            {
                result = Unsafe.ReadUnaligned<uint>(key) >= Definition.MaxEntries ? -Errno.TooBig : -Errno.NoEntry;
            }
            else
            {
                uint none = 0;
                result = _ids.Put(key, (byte*)&none, 0, AllCpus);
            }
        }

        old?.Release();
        return result;
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        VmMap? inner = InnerAt(key, 0);
        MemoryMarshal.Write(value, inner?.Id ?? 0);
        return inner is not null;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        ReadOnlySpan<byte> from = key == null ? default : new ReadOnlySpan<byte>(key, KeySize);
        return _ids.TryNextKey(from, next);
    }

    protected override void FreeMemory()
    {
        base.FreeMemory();
        byte[] previous = [];
        byte[] key = new byte[KeySize];
        while (_ids.TryNextKey(previous, key))
        {
            fixed (byte* k = key)
            {
                InnerAt(k, 0)?.Release();
            }

            previous = [.. key];
        }

        _ids.Dispose();
    }

    private bool IsLike(LinkedMap other) =>
        Definition.InnerMap is not { } template
        || (template.Type == other.Type && template.KeySize == other.KeySize && template.ValueSize == other.ValueSize && template.Flags == other.Flags
            && (template.MaxEntries == other.MaxEntries || template.Type != MapType.Array || (template.Flags & MapFlags.InnerMap) != 0));

    private protected override string Explain(int errno) => errno switch
    {
        Errno.Invalid => "an inner map must have the type, key size, value size, flags and (for arrays) length of the definition",
        Errno.NoEntry => "no map of this engine has that id",
        _ => base.Explain(errno),
    };
}
