using Osmia.Objects.Diagnostics;

namespace Osmia.Runtime.Packets;

/// <summary>A capture file that cannot be opened, is no capture, or contradicts its own lengths. <see cref="Offset"/> is the byte in the file to blame.</summary>
public sealed class PacketFileException(Diagnostic diagnostic, long offset, Exception? inner = null) : BpfException(diagnostic, inner)
{
    public long Offset { get; } = offset;
}
