using Osmia.Objects.Diagnostics;

namespace Osmia.Runtime.Packets;

/// <summary>The diagnostics of packet files, OSM6901 to OSM6907, each made in one place.</summary>
internal static class PacketErrors
{
    public static PacketFileException NotACapture(string name, ReadOnlySpan<byte> start) => Make(
        "OSM6901",
        start.IsEmpty ? "the packet file is empty" : $"the packet file starts with {Convert.ToHexString(start)}, which is no capture format",
        name,
        0,
        "a pcap file starts with D4C3B2A1, A1B2C3D4, 4D3CB2A1 or A1B23C4D, a pcapng file with 0A0D0D0A",
        "give a pcap or pcapng file; `file NAME` tells what this one is, and editcap or gunzip may convert it");

    public static PacketFileException CutShort(string name, long offset, string part, long wanted, long available) => Make(
        "OSM6902",
        $"the packet file ends inside {part}: {wanted} bytes are needed and {available} are left",
        name,
        offset,
        "the capture was cut while it was written or copied",
        "read the packets before this point, or repair the file with `editcap IN OUT`");

    public static PacketFileException BadLength(string name, long offset, string what, string why) => Make(
        "OSM6903",
        what,
        name,
        offset,
        why,
        "the file is damaged or is no capture; write it again with the tool that made it");

    public static PacketFileException UnknownInterface(string name, long offset, uint interfaceId, int known) => Make(
        "OSM6904",
        $"a packet names interface {interfaceId}, but the section describes {known}",
        name,
        offset,
        "the link type and the clock of a pcapng packet come from the description of its interface, which must stand before it in the section",
        "write the capture again with the tool that made it, keeping its interface description blocks");

    public static PacketFileException Unsupported(string name, long offset, string variant, string why) => Make(
        "OSM6905",
        $"{variant} is not supported",
        name,
        offset,
        why,
        "convert the file with `editcap -F pcapng IN OUT`");

    public static PacketFileException Unreadable(string name, long offset, Exception inner) => Make(
        "OSM6906",
        $"the packet file cannot be read: {inner.Message}",
        name,
        offset,
        "the operating system refused to open or read it",
        "check that the path names a file and that you may read it",
        inner);

    public static PacketFileException Unwritable(string name, Exception inner) => Make(
        "OSM6907",
        $"the packet file cannot be written: {inner.Message}",
        name,
        0,
        "the operating system refused to create it",
        "check that the folder exists and that you may write there",
        inner);

    private static PacketFileException Make(string id, string what, string name, long offset, string why, string @try, Exception? inner = null) =>
        new(new Diagnostic(id, what) { Where = $"{name}, offset {offset}", Why = why, Try = @try }, offset, inner);
}
