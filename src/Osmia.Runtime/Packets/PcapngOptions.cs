namespace Osmia.Runtime.Packets;

/// <summary>Walks the options at the end of a pcapng block.</summary>
internal ref struct PcapngOptions(ReadOnlySpan<byte> bytes, ByteOrder order)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>True when the walk stopped at an option that does not fit its block.</summary>
    public bool IsBroken { get; private set; }

    public ushort Code { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        if (_rest.Length < 4)
        {
            IsBroken = true;
            return false;
        }

        Code = order.U16(_rest, 0);
        if (Code == PcapngFormat.OptionEnd)
        {
            return false;
        }

        var length = order.U16(_rest, 2);
        var padded = PcapngFormat.Padded(length);
        if (padded > _rest.Length - 4)
        {
            IsBroken = true;
            return false;
        }

        Value = _rest.Slice(4, length);
        _rest = _rest[(4 + padded)..];
        return true;
    }
}
