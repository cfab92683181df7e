using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Tests.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>A line of helpers.data: <c>xdp [array 4 8 1] [ringbuf 0 0 4096]: code</c>.</summary>
internal static class HelperCase
{
    public static (ProgramType Type, LinkedMap[] Maps, string Code) Read(string line)
    {
        int colon = line.IndexOf(": ", StringComparison.Ordinal);
        string[] parts = line[..colon].Split('[', StringSplitOptions.TrimEntries);
        ProgramType type = Enum.GetValues<ProgramType>().Single(candidate => candidate.ToKernelName() == parts[0]);
        LinkedMap[] maps = [.. parts.Skip(1).Select((text, index) => MapOf(index, text.TrimEnd(']').Split(' ')))];
        return (type, maps, line[(colon + 2)..]);
    }

    public static LinkedMap MapOf(int index, string[] words)
    {
        uint[] numbers = [.. words.Skip(1).Select(word => uint.Parse(word, CultureInfo.InvariantCulture))];
        return TestPrograms.Map(index, Enum.GetValues<MapType>().Single(type => type.ToKernelName() == words[0]), numbers[0], numbers[1], numbers[2], numbers.Length > 3 ? numbers[3] : 0);
    }
}
