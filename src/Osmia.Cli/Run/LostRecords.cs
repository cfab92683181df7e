using System.Buffers.Binary;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Cli.Run;

/// <summary>
/// What went missing between program and reader. A perf buffer counts its losses itself; with a ring buffer only the
/// program notices, in a variable with the declaration tag <c>osmia:lost</c>.
/// </summary>
internal static class LostRecords
{
    private const string Tag = "osmia:lost";

    public static string Describe(LoadedObject loaded, long lostByBuffers)
    {
        long? counted = CountedByProgram(loaded);
        bool hasRing = loaded.Maps.Any(map => map.Type == Bytecode.MapType.Ringbuf);
        return (counted, hasRing) switch
        {
            ({ } count, _) => $"{count + lostByBuffers} lost",
            (null, true) => "losses not counted by this object (no variable tagged osmia:lost)",
            _ => $"{lostByBuffers} lost",
        };
    }

    public static long? CountedByProgram(LoadedObject loaded)
    {
        long? sum = null;
        Span<byte> bytes = stackalloc byte[8];
        foreach (LinkedVariable variable in loaded.Definition.Variables.Where(variable => variable.Tags.Contains(Tag) && variable.Size is (4 or 8)))
        {
            bytes.Clear();
            loaded.ReadVariable(variable, bytes[..variable.Size]);
            sum = (sum ?? 0) + BinaryPrimitives.ReadInt64LittleEndian(bytes);
        }

        return sum;
    }
}
