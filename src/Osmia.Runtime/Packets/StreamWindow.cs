namespace Osmia.Runtime.Packets;

/// <summary>
/// A sliding view of a stream in one reusable buffer. The buffer grows only as bytes really arrive, so a length field that
/// lies costs no memory.
/// </summary>
internal sealed class StreamWindow(Stream stream, string name, bool leaveOpen) : IDisposable
{
    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    public string Name => name;

    /// <summary>Offset in the file of the next byte that is not consumed.</summary>
    public long Position { get; private set; }

    public int Buffered => _end - _start;

    /// <summary>Makes <paramref name="count"/> bytes available; false when the stream ends before that.</summary>
    public bool TryFill(int count)
    {
        while (Buffered < count)
        {
            if (_end == _buffer.Length)
            {
                MakeRoom();
            }

            var read = ReadSome(_buffer.AsSpan(_end));
            if (read == 0)
            {
                return false;
            }

            _end += read;
        }

        return true;
    }

    /// <summary>Bytes that <see cref="TryFill"/> made available; the view lasts until the next fill.</summary>
    public ReadOnlySpan<byte> Peek(int count) => _buffer.AsSpan(_start, Math.Min(count, Buffered));

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Buffered);
        _start += count;
        Position += count;
    }

    /// <summary>Consumes <paramref name="count"/> bytes without keeping them; returns how many there were.</summary>
    public long Skip(long count)
    {
        var left = count;
        while (left > 0 && TryFill(1))
        {
            var step = (int)Math.Min(left, Buffered);
            Advance(step);
            left -= step;
        }

        return count - left;
    }

    public void Dispose()
    {
        if (!leaveOpen)
        {
            stream.Dispose();
        }
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, Buffered).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        else
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
    }

    private int ReadSome(Span<byte> target)
    {
        try
        {
            return stream.Read(target);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw PacketErrors.Unreadable(name, Position + Buffered, e);
        }
    }
}
