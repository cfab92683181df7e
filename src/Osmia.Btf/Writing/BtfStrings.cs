namespace Osmia.Btf.Writing;

/// <summary>
/// A string section under construction: each text stands in it once. Offset 0 is the empty string.
/// </summary>
/// <remarks>Split BTF numbers its strings on from its base, and uses the base's where the base has them.</remarks>
internal sealed class BtfStrings
{
    // Another one in each process, so that no file can be made whose names all fall into one place.
    private static readonly uint s_seed = (uint)HashCode.Combine(2166136261);

    private readonly BtfTypes? _base;
    private readonly uint _first;
    private byte[] _bytes = new byte[256];
    private int _length;

    // Open addressing over offsets + 1, so that 0 means free. Offsets are the final ones: below _first they are the base's.
    private uint[] _slots = new uint[256];
    private int _used;

    public BtfStrings(BtfTypes? baseTypes)
    {
        _base = baseTypes;
        _first = baseTypes?.StringsEnd ?? 0;
        if (baseTypes is null)
        {
            _length = 1;
            return;
        }

        for (BtfTypes? types = baseTypes; types is not null; types = types.Base)
        {
            for (uint offset = types.StringsBegin; offset < types.StringsEnd;)
            {
                ReadOnlySpan<byte> text = types.StringBytes(offset);
                if (!text.IsEmpty)
                {
                    ref uint slot = ref SlotOf(text);
                    slot = slot == 0 ? offset + 1 : slot;
                    Grow();
                }

                offset += (uint)text.Length + 1;
            }
        }
    }

    /// <summary>The strings of this section, each ended by a zero byte.</summary>
    public ReadOnlySpan<byte> Section => _bytes.AsSpan(0, _length);

    public uint Add(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return 0;
        }

        ref uint slot = ref SlotOf(text);
        if (slot != 0)
        {
            return slot - 1;
        }

        uint offset = _first + (uint)_length;
        slot = offset + 1;
        int needed = checked(_length + text.Length + 1);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Max(needed, Math.Min(_bytes.Length * 2L, Array.MaxLength)));
        }

        text.CopyTo(_bytes.AsSpan(_length));
        _bytes[_length + text.Length] = 0;
        _length = needed;
        Grow();
        return offset;
    }

    /// <summary>The text at an offset that <see cref="Add"/> returned.</summary>
    public ReadOnlySpan<byte> At(uint offset)
    {
        if (offset < _first)
        {
            return _base!.StringBytes(offset);
        }

        ReadOnlySpan<byte> rest = Section[(int)Math.Min(offset - _first, (uint)_length)..];
        int end = rest.IndexOf((byte)0);
        return end < 0 ? rest : rest[..end];
    }

    private ref uint SlotOf(ReadOnlySpan<byte> text)
    {
        uint mask = (uint)_slots.Length - 1;
        for (uint i = Hash(text) & mask; ; i = (i + 1) & mask)
        {
            if (_slots[i] == 0 || At(_slots[i] - 1).SequenceEqual(text))
            {
                return ref _slots[i];
            }
        }
    }

    private void Grow()
    {
        if (++_used * 2 < _slots.Length)
        {
            return;
        }

        uint[] old = _slots;
        _slots = new uint[old.Length * 2];
        foreach (uint value in old)
        {
            if (value != 0)
            {
                SlotOf(At(value - 1)) = value;
            }
        }
    }

    private static uint Hash(ReadOnlySpan<byte> text)
    {
        uint hash = s_seed;
        foreach (byte value in text)
        {
            hash = (hash ^ value) * 16777619;
        }

        return hash ^ (hash >> 15);
    }
}
