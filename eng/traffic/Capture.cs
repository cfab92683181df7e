using Osmia.Runtime.Packets;

namespace Osmia.Traffic;

/// <summary>All scenes in one file, in the order of time.</summary>
internal static class Capture
{
    // Each scene draws from the one generator in turn, so their order is part of the bytes.
    private static readonly Action<Network>[] s_scenes =
    [
        LocalScenes.Neighbourhood,
        ServiceScenes.Names,
        ServiceScenes.Time,
        ServiceScenes.Pages,
        ServiceScenes.Shells,
        ServiceScenes.Echoes,
        ServiceScenes.Fragments,
        LocalScenes.Tags,
        LocalScenes.Groups,
        HostileScenes.Attackers,
        HostileScenes.Malformed,
    ];

    /// <returns>The number of frames written.</returns>
    public static int Write(Stream target)
    {
        var net = new Network();
        foreach (var scene in s_scenes)
        {
            scene(net);
        }

        using var writer = new PcapngWriter(target, "Osmia traffic", leaveOpen: true);
        var device = writer.AddInterface(PacketLinkType.Ethernet, "eth0", PacketReader.MaxFrameLength);
        foreach (var (timeNs, frame, comment) in net.Frames.OrderBy(f => f.TimeNs))
        {
            writer.Write(device, timeNs, frame, comment: comment);
        }

        return net.Frames.Count;
    }
}
