using System.Buffers.Binary;
using System.Text;

namespace Osmia.Runtime.Packets;

/// <summary>
/// Writes a little-endian pcapng file of one section with nanosecond timestamps. It reuses one buffer; the stream is flushed on
/// disposal. Not thread-safe.
/// </summary>
public sealed class PcapngWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private byte[] _block = new byte[4096];
    private int _length;
    private int _interfaceCount;

    /// <param name="application">Written as shb_userappl; null leaves it out.</param>
    public PcapngWriter(Stream stream, string? application = null, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        _leaveOpen = leaveOpen;

        const ushort OptionApplication = 4;
        Start(PcapngFormat.SectionHeader);
        Add32(PcapngFormat.ByteOrderMagic);
        Add16(1);
        Add16(0);
        // The section length, -1: not known.
        Add32(uint.MaxValue);
        Add32(uint.MaxValue);
        if (application is not null)
        {
            AddTextOption(OptionApplication, application);
            EndOptions();
        }

        Finish();
    }

    /// <summary>Describes an interface; the result is the id its packets carry.</summary>
    /// <param name="snapLength">Longest frame stored, in bytes; 0 means no limit.</param>
    public int AddInterface(PacketLinkType linkType, string? name = null, int snapLength = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(snapLength);
        Start(PcapngFormat.InterfaceDescription);
        Add16((ushort)linkType);
        Add16(0);
        Add32((uint)snapLength);
        if (name is not null)
        {
            AddTextOption(PcapngFormat.OptionInterfaceName, name);
        }

        AddOption(PcapngFormat.OptionTimestampResolution, [9]);
        EndOptions();
        Finish();
        return _interfaceCount++;
    }

    /// <param name="timestampNs">Nanoseconds since the epoch.</param>
    /// <param name="originalLength">Bytes on the wire; by default those of the frame.</param>
    public void Write(int interfaceId, long timestampNs, ReadOnlySpan<byte> frame, uint? originalLength = null, string? comment = null, PacketFlags flags = PacketFlags.None)
    {
        if ((uint)interfaceId >= (uint)_interfaceCount)
        {
            throw new ArgumentOutOfRangeException(nameof(interfaceId), interfaceId, $"The file describes {_interfaceCount} interfaces; call AddInterface first.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(timestampNs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frame.Length, PacketReader.MaxFrameLength);
        Start(PcapngFormat.EnhancedPacket);
        Add32((uint)interfaceId);
        Add32((uint)(timestampNs >> 32));
        Add32((uint)timestampNs);
        Add32((uint)frame.Length);
        Add32(originalLength ?? (uint)frame.Length);
        AddPadded(frame);
        if (comment is not null)
        {
            AddTextOption(PcapngFormat.OptionComment, comment);
        }

        if (flags != PacketFlags.None)
        {
            Span<byte> word = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)flags);
            AddOption(PcapngFormat.OptionPacketFlags, word);
        }

        if (comment is not null || flags != PacketFlags.None)
        {
            EndOptions();
        }

        Finish();
    }

    public void Dispose()
    {
        _stream.Flush();
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }
    }

    private void Start(uint blockType)
    {
        _length = 0;
        Add32(blockType);
        // The length, known in Finish.
        Add32(0);
    }

    private void Finish()
    {
        var total = (uint)_length + 4;
        Add32(total);
        BinaryPrimitives.WriteUInt32LittleEndian(_block.AsSpan(4), total);
        _stream.Write(_block, 0, _length);
    }

    private void AddTextOption(ushort code, string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        if (length > ushort.MaxValue)
        {
            throw new ArgumentException($"A pcapng option holds at most {ushort.MaxValue} bytes; this text has {length}.", nameof(text));
        }

        Add16(code);
        Add16((ushort)length);
        Encoding.UTF8.GetBytes(text, Grow(PcapngFormat.Padded(length)));
    }

    private void AddOption(ushort code, ReadOnlySpan<byte> value)
    {
        Add16(code);
        Add16((ushort)value.Length);
        AddPadded(value);
    }

    private void EndOptions() => Add32(0);

    private void Add16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Grow(2), value);

    private void Add32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Grow(4), value);

    private void AddPadded(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Grow(PcapngFormat.Padded(bytes.Length)));

    private Span<byte> Grow(int count)
    {
        if (_block.Length - _length < count)
        {
            Array.Resize(ref _block, Math.Max(_block.Length * 2, _length + count));
        }

        var added = _block.AsSpan(_length, count);
        added.Clear();
        _length += count;
        return added;
    }
}
