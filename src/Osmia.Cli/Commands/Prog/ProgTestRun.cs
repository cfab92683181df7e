using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Cli.Words;
using Osmia.Kernel.Programs;
using Osmia.Runtime;

namespace Osmia.Cli.Commands.Prog;

/// <summary><c>osmia prog run PROG data_in FILE ...</c>: the kernel's test run of a program that is loaded.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgTestRun
{
    public const string Grammar = "PROG [data_in FILE [data_out FILE] [data_size_out N]] [ctx_in FILE [ctx_out FILE] [ctx_size_out N]] [repeat N]";

    private const int UsualRoom = 32 * 1024;

    public static void Run(VerbCall call)
    {
        WordReader words = call.Words;
        using KernelProgram program = ProgramWords.Open(words);
        (byte[] data, byte[] context, int dataRoom, int contextRoom, int repeat) = ([], [], 0, 0, 1);
        (string? dataFile, string? contextFile) = (null, null);
        while (!words.IsAtEnd)
        {
            switch (words.Next("data_in"))
            {
                case "data_in":
                    (data, dataRoom) = (ReadFile(words, "data_in"), dataRoom == 0 ? UsualRoom : dataRoom);
                    break;
                case "data_out":
                    dataFile = words.Next("the file of data_out");
                    break;
                case "data_size_out":
                    dataRoom = (int)Math.Min(words.Number("data_size_out"), 1 << 26);
                    break;
                case "ctx_in":
                    (context, contextRoom) = (ReadFile(words, "ctx_in"), contextRoom == 0 ? UsualRoom : contextRoom);
                    break;
                case "ctx_out":
                    contextFile = words.Next("the file of ctx_out");
                    break;
                case "ctx_size_out":
                    contextRoom = (int)Math.Min(words.Number("ctx_size_out"), 1 << 26);
                    break;
                case "repeat":
                    repeat = (int)Math.Min(words.Number("repeat"), int.MaxValue);
                    break;
                case var other:
                    throw new UsageException($"{words.Verb}: '{other}' is none of data_in, data_out, data_size_out, ctx_in, ctx_out, ctx_size_out, repeat");
            }
        }

        byte[] dataOut = new byte[dataRoom];
        byte[] contextOut = new byte[contextRoom];
        ProgramRunResult result = program.Run(new ProgramRun { Data = data, DataOut = dataOut, Context = context, ContextOut = contextOut, Repeat = repeat });
        byte[] dataLeft = dataOut[..Math.Min(result.DataLength, dataOut.Length)];
        byte[] contextLeft = contextOut[..Math.Min(result.ContextLength, contextOut.Length)];
        call.Answer(
            json =>
            {
                json.WriteStartObject();
                WriteOutput(json, "data_out", dataLeft, dataFile);
                WriteOutput(json, "ctx_out", contextLeft, contextFile);
                json.WriteNumber("retval", result.ReturnValue);
                json.WriteNumber("duration", (ulong)result.NanosecondsPerRun);
                json.WriteEndObject();
            },
            output =>
            {
                PrintOutput(output, "data", dataLeft, dataFile);
                PrintOutput(output, "context", contextLeft, contextFile);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Return value: {result.ReturnValue}, duration{(repeat > 1 ? " (average)" : "")}: {result.NanosecondsPerRun:0}ns"));
            });
    }

    private static byte[] ReadFile(WordReader words, string what)
    {
        string path = words.Next($"the file of {what}");
        if (path != "-")
        {
            return HexBytes.ReadFile(path, what);
        }

        using Stream input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Into its file, or as bytes into the answer when the file is <c>-</c>.</summary>
    private static void WriteOutput(Utf8JsonWriter json, string name, byte[] bytes, string? file)
    {
        if (file == "-")
        {
            json.WriteStartArray(name);
            foreach (byte value in bytes)
            {
                json.WriteNumberValue(value);
            }

            json.WriteEndArray();
        }
        else if (file is not null)
        {
            File.WriteAllBytes(file, bytes);
        }
    }

    private static void PrintOutput(TextWriter output, string what, byte[] bytes, string? file)
    {
        if (file is not (null or "-"))
        {
            File.WriteAllBytes(file, bytes);
            output.WriteLine($"{what}: {bytes.Length} bytes in {file}");
        }
        else if (file is not null)
        {
            output.WriteLine($"{what}:");
            for (int at = 0; at < bytes.Length; at += 16)
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{at,6:x}: {HexBytes.Spaced(bytes.AsSpan(at, Math.Min(16, bytes.Length - at)))}"));
            }
        }
    }
}
