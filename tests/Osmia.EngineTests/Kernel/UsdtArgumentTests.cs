using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Kernel.Symbols;

namespace Osmia.Tests.Kernel;

/// <summary>The ways in which compilers write where the arguments of a USDT probe lie: <c>Sources/usdt-arguments.data</c>.</summary>
[SupportedOSPlatform("linux")]
public class UsdtArgumentTests
{
    private const int RandomTexts = 20_000;

    private static string Data => RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Kernel", "Sources", "usdt-arguments.data");

    [Fact]
    public void Arguments_are_read_in_every_form()
    {
        int count = 0;
        foreach (string line in File.ReadLines(Data).Where(line => line.Length > 0 && line[0] != '#'))
        {
            string[] parts = line.Split('|', StringSplitOptions.TrimEntries);
            Assert.True(parts.Length == 3, line);
            UsdtArgument[]? arguments = UsdtArgument.ParseAll(parts[1], parts[0] == "arm64" ? Architecture.Arm64 : Architecture.X64);
            Assert.Equal(line, $"{parts[0]} | {parts[1]} | {(arguments is null ? "refused" : string.Join("; ", arguments.Select(Describe)))}");
            count++;
        }

        Assert.InRange(count, 50, int.MaxValue);
        Assert.Equal([], UsdtArgument.ParseAll("", Architecture.X64)!);
    }

    [Theory]
    [InlineData(Architecture.X64)]
    [InlineData(Architecture.Arm64)]
    public void No_text_does_harm(Architecture architecture)
    {
        const string Letters = "0148@-%$#()[], abcdilpqrswxz";
        var random = new Random(20261121);
        int read = 0;
        for (int i = 0; i < RandomTexts; i++)
        {
            char[] text = new char[random.Next(24)];
            Array.ForEach(Enumerable.Range(0, text.Length).ToArray(), at => text[at] = Letters[random.Next(Letters.Length)]);
            UsdtArgument[]? arguments = UsdtArgument.ParseAll(new string(text), architecture);
            read += arguments is { Length: > 0 } ? 1 : 0;
            Assert.True(arguments is null || arguments.All(argument => argument.Size is 1 or 2 or 4 or 8 && argument.Scale is 1 or 2 or 4 or 8), new string(text));
        }

        Assert.InRange(read, 0, RandomTexts);
    }

    private static string Describe(UsdtArgument argument) => $"{(argument.IsSigned ? "s" : "u")}{argument.Size * 8} " + argument.Kind switch
    {
        UsdtArgumentKind.Constant => $"constant {argument.Value}",
        UsdtArgumentKind.Register => $"register {argument.Register}",
        UsdtArgumentKind.Memory => $"memory {argument.Register} {argument.Value:+0;-0;+0}",
        _ => $"memory {argument.Register} + {argument.Index} * {argument.Scale} {argument.Value:+0;-0;+0}",
    };
}
