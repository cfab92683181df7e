using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>Arrays and per-CPU arrays, data sections among them: a fixed block of values, never deleted.</summary>
internal sealed unsafe class ArrayMap : VmMap
{
    private readonly uint _count;
    private readonly ulong _stride;
    private readonly ulong _cpuStride;
    private readonly bool _isPerCpu;
    private readonly uint _firstCpu;

    public ArrayMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _isPerCpu = IsPerCpu;
        _count = definition.MaxEntries;
        _cpuStride = ((ulong)definition.ValueSize + 7) & ~7UL;
        _stride = _cpuStride * (ulong)ValuesPerKey;
        Allocate(_stride * _count);
        _firstCpu = _isPerCpu ? (uint)FirstCpu : 0;
    }

    /// <summary>Elements.</summary>
    public uint Count => _count;

    /// <summary>Bytes from one element to the next.</summary>
    public ulong Stride => _stride;

    /// <summary>Bytes from one CPU's value to the next.</summary>
    public ulong CpuStride => _cpuStride;

    public override byte* Lookup(byte* key, int cpu)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        return index < _count ? Memory + (_stride * index) + (_cpuStride * (_isPerCpu ? (uint)cpu + _firstCpu : 0)) : null;
    }

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        if (flags > 2)
        {
            return -Errno.Invalid;
        }

        if (index >= _count)
        {
            return -Errno.TooBig;
        }

        if (flags == 1)
        {
            return -Errno.Exists;
        }

        byte* target = Memory + (_stride * index);
        if (!_isPerCpu || cpu != AllCpus)
        {
            target += _cpuStride * (_isPerCpu ? (uint)cpu + _firstCpu : 0);
            ForgetValue(target, _cpuStride);
            CopyValue(target, value);
            return 0;
        }

        ForgetValue(target, _stride);
        if (!Kept.Any)
        {
            Buffer.MemoryCopy(value, target, _stride, _stride);
            return 0;
        }

        for (int i = 0; i < ValuesPerKey; i++)
        {
            CopyValue(target + (_cpuStride * (uint)i), value + (_cpuStride * (uint)i));
        }

        return 0;
    }

    public override int Remove(byte* key) => -Errno.Invalid;

    public override bool TryLocate(ulong address, out MapRegion region)
    {
        ulong offset = address - MemoryStart;
        ulong value = offset / _cpuStride;
        region = new(MemoryStart + (value * _cpuStride), Definition.ValueSize, IsWritableByProgram);
        return offset < MemoryLength;
    }

    public override ulong KeyAddressOf(ulong value, uint* scratch)
    {
        *scratch = (uint)((value - MemoryStart) / _stride);
        return (ulong)scratch;
    }

    public override ulong? AddressOf(uint offset) => _count > 0 && offset < Definition.ValueSize && !IsPerCpu ? MemoryStart + offset : null;

    /// <summary>Writes the initial value of a data section.</summary>
    public void Initialise(ReadOnlySpan<byte> data) => data.CopyTo(new Span<byte>(Memory, ValueSize));

    protected override bool Copy(byte* key, Span<byte> value)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        if (index >= _count)
        {
            return false;
        }

        new ReadOnlySpan<byte>(Memory + (_stride * index), value.Length).CopyTo(value);
        return true;
    }

    protected override bool Next(byte* key, Span<byte> next) => NextIndex(key, next, _count);
}
