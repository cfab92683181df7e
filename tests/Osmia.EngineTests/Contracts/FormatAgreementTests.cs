using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>The formats of formats.data in bpf_snprintf: the kernel's text and result are the VM's. A format the kernel's verifier refuses is an error in the VM.</summary>
[SupportedOSPlatform("linux")]
public sealed partial class FormatAgreementTests
{
    private const int TextAt = 256;
    private const int Invalid = -22;

    public static TheoryData<string> Lines => [.. File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Contracts", "formats.data")).Where(line => line.Length > 0 && line[0] != '#')];

    [Theory]
    [MemberData(nameof(Lines))]
    public void A_format_gives_the_kernels_text(string line)
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        using var vm = new VmEngine(new VmOptions { Slots = 1 });
        foreach (int room in (ReadOnlySpan<int>)[100, 7])
        {
            LinkedObject linked = ToObject(line, room);
            string actual = Run(vm, linked);
            string expected;
            try
            {
                expected = Run(kernel, linked);
            }
            catch (KernelException refusal) when (refusal.Id == "OSM5020")
            {
                // The verifier reads a constant format; the VM finds out when it runs.
                Assert.StartsWith($"{Invalid} ", actual, StringComparison.Ordinal);
                continue;
            }

            Assert.Equal($"{line} in {room}: {expected}", $"{line} in {room}: {actual}");
        }
    }

    private static string Run(IEngine engine, LinkedObject linked)
    {
        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[64] });
        byte[] value = new byte[512];
        Assert.True(loaded.Maps[1].TryLookup(new byte[4], value));
        return $"{BitConverter.ToInt32(value)} {Encoding.Latin1.GetString(value, 8, 120)}";
    }

    /// <summary>Map 0 holds the format, map 1 the result, the text and what arguments point to.</summary>
    private static LinkedObject ToObject(string line, int room)
    {
        string[] cells = line.Split('\t');
        byte[] format = [.. Bytes(cells[0]), 0];
        var code = new StringBuilder();
        int count = 0;
        int at = TextAt;
        foreach (string cell in cells.Skip(1).Where(cell => cell.Length > 0))
        {
            string argument = cell;
            if (cell[0] == '\'')
            {
                byte[] text = [.. Bytes(cell[1..^1]), 0];
                for (int i = 0; i < text.Length; i++)
                {
                    code.Append(CultureInfo.InvariantCulture, $"r6 = map[1][{at}]; *(u8 *)(r6 + {i}) = {text[i]}\n");
                }

                code.Append(CultureInfo.InvariantCulture, $"r7 = map[1][{at}]\n");
                at += 32;
            }
            else
            {
                code.Append(CultureInfo.InvariantCulture, $"r7 = {(cell[0] == '-' ? long.Parse(cell, CultureInfo.InvariantCulture) : (long)ulong.Parse(cell, CultureInfo.InvariantCulture))} ll\n");
            }

            code.Append(CultureInfo.InvariantCulture, $"*(u64 *)(r10 - {128 - (8 * count++)}) = r7\n");
        }

        string data = count == 0 ? "r4 = 0" : "r4 = r10; r4 += -128";
        code.Append(CultureInfo.InvariantCulture, $"r6 = map[1][0]; r1 = r6; r1 += 8; r2 = {room}; r3 = map[0][0]; {data}; r5 = {8 * count}; call snprintf\nr6 = map[1][0]; *(u32 *)(r6 + 0) = r0; r0 = 0; exit");
        LinkedMap text0 = new(0, ".rodata", MapType.Array, 4, (uint)format.Length, 1, 128) { DataSection = DataSectionKind.ReadOnly, InitialData = format };
        return TestPrograms.Object([TestPrograms.Program(code.ToString(), ProgramType.SchedCls)], text0, TestPrograms.Map(1, MapType.Array, 4, 512, 1)) with { License = "GPL" };
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(Escape().Replace(text, match => ((char)Convert.ToByte(match.Groups[1].Value, 16)).ToString()));

    [GeneratedRegex(@"\\x([0-9a-f]{2})")]
    private static partial Regex Escape();
}
