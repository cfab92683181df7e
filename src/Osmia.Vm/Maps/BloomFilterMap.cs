using System.Numerics;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>A set that may say yes to a value never pushed, never no to one that was.</summary>
internal sealed unsafe class BloomFilterMap : VmMap
{
    private const uint DefaultHashes = 5;

    private readonly uint _hashes;
    private readonly ulong _bitMask;
    private readonly ulong _seed;

    public BloomFilterMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _hashes = (uint)(definition.Extra & 0xf);
        _hashes = _hashes == 0 ? DefaultHashes : _hashes;
        _seed = engine.NextSeed();

        // As the kernel sizes it: hashes * entries / ln 2, rounded up to a power of two.
        ulong bits = BitOperations.RoundUpToPowerOf2(Math.Max(64, (ulong)(_hashes * (double)definition.MaxEntries * 7 / 5)));
        _bitMask = bits - 1;
        Allocate(bits / 8);
    }

    public override bool HasPush => true;

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => Push(value, flags);

    public override int Remove(byte* key) => -Errno.NotSupported;

    public override int Push(byte* value, ulong flags)
    {
        if (flags != 0)
        {
            return -Errno.Invalid;
        }

        for (uint i = 0; i < _hashes; i++)
        {
            ulong bit = Bit(value, i);
            Interlocked.Or(ref *(ulong*)(Memory + (bit / 64 * 8)), 1UL << (int)(bit % 64));
        }

        return 0;
    }

    public override int Pop(byte* value) => -Errno.NotSupported;

    public override int Peek(byte* value)
    {
        for (uint i = 0; i < _hashes; i++)
        {
            ulong bit = Bit(value, i);
            if ((Volatile.Read(ref *(ulong*)(Memory + (bit / 64 * 8))) & (1UL << (int)(bit % 64))) == 0)
            {
                return -Errno.NoEntry;
            }
        }

        return 0;
    }

    /// <summary>The public face asks with the value in the buffer.</summary>
    protected override bool Copy(byte* key, Span<byte> value)
    {
        fixed (byte* candidate = value)
        {
            return Peek(candidate) == 0;
        }
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.NotSupported, "a bloom filter has no keys");
        return false;
    }

    private ulong Bit(byte* value, uint hash) =>
        (KeyHash.Of(value, Definition.ValueSize, _seed + hash) | ((ulong)KeyHash.Of(value, Definition.ValueSize, ~(_seed + hash)) << 32)) & _bitMask;
}
