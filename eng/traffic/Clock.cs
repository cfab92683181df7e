namespace Osmia.Traffic;

/// <summary>The time of one scene, in nanoseconds since the epoch, with a little jitter at every step.</summary>
internal sealed class Clock(Network net, double startInSeconds)
{
    // 2024-06-07 09:00 UTC.
    private const long Epoch = 1_717_750_800_000_000_000;

    private long _now = Epoch + (long)(startInSeconds * 1000) * 1_000_000;

    public long After(int microseconds) => _now += microseconds * 1000L + net.Random.Below(microseconds * 40 + 997) + 1;
}
