using Osmia.Runtime;

namespace Osmia.Cli.Run;

/// <summary>A per-CPU map takes a value for each CPU.</summary>
internal static class PerCpuValue
{
    /// <summary>The same value for each; of other maps the value as it is.</summary>
    public static byte[] ForAll(Map map, byte[] value)
    {
        if (!map.IsPerCpu)
        {
            return value;
        }

        byte[] all = new byte[map.ValueBufferSize];
        for (int i = 0; i < map.ValuesPerKey; i++)
        {
            value.CopyTo(all, i * map.ValueStride);
        }

        return all;
    }
}
