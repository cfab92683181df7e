using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>
/// The objects of Contracts/Sources, the same one in the kernel and in each tier of the VM: every program's result and what it left in <c>out</c>, one after
/// another on one load.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class SourceAgreementTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    public static TheoryData<string> Sources => ["callbacks", "dynptrs", "graphs", "iterators", "locked", "metadata", "storage", "strings"];

    [Fact]
    public void Every_source_has_its_test() =>
        Assert.Equal(Sources.Select(row => row.Data).Append("later").Append("kept").Order(StringComparer.Ordinal),
            Directory.GetFiles(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Contracts", "Sources"), "*.bpf.c").Select(path => Path.GetFileName(path)[..^".bpf.c".Length]).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Sources))]
    public void Programs_leave_the_same_in_the_kernel_and_in_the_vm(string source)
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        BpfObject definition = Read(source);
        string expected = KernelTest.OrSkip(() => Transcript(kernel, definition));
        foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il, VmTier.X64])
        {
            using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
            string actual = Transcript(engine, definition);
            Assert.True(expected == actual, $"{source}, {tier}\n{Difference(expected, actual)}");
            Assert.Equal(0, engine.ObjectCount);
        }
    }

    [Fact]
    public void Timers_and_work_run_later_in_the_kernel_and_in_the_vm()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        BpfObject definition = Read("later");
        string expected = Later(kernel, definition);
        foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il, VmTier.X64])
        {
            using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
            string actual = Later(engine, definition);
            Assert.True(expected == actual, $"{tier}\n{Difference(expected, actual)}");
            Assert.Equal(0, engine.DeferredTraps);
        }
    }

    /// <summary>Pointers, timers and locks in values: nobody reads or writes them from outside.</summary>
    [Fact]
    public void What_a_value_keeps_for_the_kernel_is_neither_read_nor_written_from_outside()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        BpfObject definition = Read("kept");
        string expected = Kept(kernel, definition);
        Assert.Contains("0x0000000000000000", expected, StringComparison.Ordinal);
        foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il, VmTier.X64])
        {
            using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
            string actual = Kept(engine, definition);
            Assert.True(expected == actual, $"{tier}\n{Difference(expected, actual)}");
            Assert.Equal(0, engine.ObjectCount);
        }
    }

    [Fact]
    public void A_map_of_no_object_keeps_what_its_types_say()
    {
        using var engine = new VmEngine();
        LinkedObject linked = Linker.Link(Read("kept"), engine.Target);
        LinkedMap definition = linked.Maps.Single(map => map.Name == "hashed");
        using Map typed = engine.CreateMap(definition, linked.Types);
        using Map plain = engine.CreateMap(definition);
        byte[] value = new byte[typed.ValueSize];
        foreach (Map map in (Map[])[typed, plain])
        {
            value.AsSpan().Fill(0xff);
            map.Update(new byte[4], value);
            Assert.True(map.TryLookup(new byte[4], value));
            Assert.Equal(map == plain, value.All(one => one == 0xff));
        }
    }

    private static string Kept(IEngine engine, BpfObject definition)
    {
        using LoadedObject loaded = engine.Load(definition);
        var text = new StringBuilder();
        byte[] key = [1, 0, 0, 0];
        foreach ((string name, string suffix) in (ReadOnlySpan<(string, string)>)[("elements", "array"), ("hashed", "hash")])
        {
            Map map = loaded.Map(name);
            byte[] value = new byte[map.ValueSize];
            Append(text, loaded, loaded.Program($"fill_{suffix}"));
            Show("filled");
            Append(text, loaded, loaded.Program($"look_{suffix}"));
            Append(text, loaded, loaded.Program($"fill_{suffix}"));
            value.AsSpan().Fill(0xff);
            map.Update(key, value);
            Show("written");
            Append(text, loaded, loaded.Program($"look_{suffix}"));
            Append(text, loaded, loaded.Program($"fill_{suffix}"));
            Append(text, loaded, loaded.Program($"write_{suffix}"));
            Show("written by a program");
            Append(text, loaded, loaded.Program($"look_{suffix}"));
            Append(text, loaded, loaded.Program($"fill_{suffix}"));
            byte[] keys = new byte[16];
            byte[] values = new byte[4 * value.Length];
            int read = map.ReadBatch(new MapCursor(map), keys.AsSpan(0, 4 * (name == "hashed" ? 4 : 2)), values.AsSpan(0, value.Length * (name == "hashed" ? 4 : 2)));
            text.Append(CultureInfo.InvariantCulture, $"batch {read}: {Convert.ToHexString(values)}\n");

            void Show(string what)
            {
                Assert.True(map.TryLookup(key, value));
                text.Append(CultureInfo.InvariantCulture, $"{name} {what}:");
                for (int i = 0; i < value.Length; i += 8)
                {
                    text.Append(CultureInfo.InvariantCulture, $" 0x{BitConverter.ToUInt64(value, i):x16}");
                }

                text.Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Later(IEngine engine, BpfObject definition)
    {
        using LoadedObject loaded = engine.Load(definition);
        var text = new StringBuilder();
        foreach (string name in (string[])["timer_rules", "start_timers", "delete_with_timer", "start_work"])
        {
            Append(text, loaded, loaded.Program(name));
        }

        // Three of the array's timer, one of the hash's, the work: the deleted element's never fires.
        var clock = Stopwatch.StartNew();
        while (loaded.ReadVariable<ulong>("fired") < 5)
        {
            Assert.True(clock.Elapsed < s_limit, $"still {loaded.ReadVariable<ulong>("fired")} of 5 fired\n{text}");
            Thread.Sleep(1);
        }

        Thread.Sleep(100);
        text.Append(CultureInfo.InvariantCulture, $"fired {loaded.ReadVariable<ulong>("fired")}, cancelled itself {loaded.ReadVariable<long>("self")}\n");
        byte[] value = new byte[24];
        foreach ((string map, int key) in (ReadOnlySpan<(string, int)>)[("timers", 0), ("timers", 1), ("works", 2)])
        {
            Assert.True(loaded.Map(map).TryLookup(BitConverter.GetBytes(key), value));
            text.Append(CultureInfo.InvariantCulture, $"{map}[{key}] = {BitConverter.ToUInt64(value)}\n");
        }

        return text.ToString();
    }

    /// <summary>In verified mode those programs that the verifier can judge for the VM.</summary>
    [Theory]
    [InlineData("callbacks", VmTier.Interpreter)]
    [InlineData("callbacks", VmTier.Il)]
    [InlineData("callbacks", VmTier.X64)]
    public void Verified_programs_leave_the_same(string source, VmTier tier)
    {
        BpfObject definition = Read(source);
        using var checks = new VmEngine(new VmOptions { Slots = 2, Tier = VmTier.Interpreter });
        using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
        LinkedObject linked = Linker.Link(definition, engine.Target);
        var proofs = linked.Programs.Select(program => VerifiedProgram.Prove(linked, program, engine.Target, out _)).OfType<VerifiedProgram>().ToList();
        Assert.NotEmpty(proofs);
        using LoadedObject one = checks.Load(linked, LoadOptions.Default);
        using LoadedObject two = engine.LoadVerified(linked, proofs);
        Assert.Equal(proofs.Count, two.Programs.Count(program => ((VmProgram)program).Mode == VmMode.Verified));
        string expected = Transcript(one);
        string actual = Transcript(two);
        Assert.True(expected == actual, Difference(expected, actual));
    }

    private static string Transcript(IEngine engine, BpfObject definition)
    {
        using LoadedObject loaded = engine.Load(definition);
        return Transcript(loaded);
    }

    private static string Transcript(LoadedObject loaded)
    {
        if (loaded.Maps.FirstOrDefault(map => map.Name == "samples") is { } samples)
        {
            using UserRingWriter writer = samples.OpenWriter();
            foreach (ulong word in (ReadOnlySpan<ulong>)[1, 2, 4, 3, 5])
            {
                Assert.True(writer.TryWrite(MemoryMarshal.AsBytes([word])));
            }

            Assert.True(writer.TryWrite([1, 2, 3]));
        }

        var text = new StringBuilder();
        foreach (LoadedProgram program in loaded.Programs)
        {
            Append(text, loaded, program);
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, LoadedObject loaded, LoadedProgram program)
    {
        LinkedVariable output = loaded.Definition.Variables.Single(variable => variable.Name == "out");
        byte[] section = new byte[loaded.Maps[output.MapIndex].ValueSize];
        Assert.True(loaded.Maps[output.MapIndex].TryLookup(new byte[4], section));
        section.AsSpan(output.Offset, output.Size).Fill(0xcc);
        loaded.Maps[output.MapIndex].Update(new byte[4], section);
        byte[] frame = [.. Enumerable.Range(0, 64).Select(i => (byte)(i < 12 ? 2 : i == 12 ? 8 : i == 13 ? 0 : i))];
        byte[] data = new byte[256];
        ProgramRunResult result = program.Run(new ProgramRun { Data = frame, DataOut = data });
        text.Append(CultureInfo.InvariantCulture, $"{program.Name} returns {(int)result.ReturnValue}, {Convert.ToHexStringLower(data.AsSpan(0, result.DataLength))}\n");
        long[] left = Out(loaded);
        for (int i = 0; i < left.Length; i++)
        {
            if (left[i] != unchecked((long)0xcccccccccccccccc))
            {
                text.Append(CultureInfo.InvariantCulture, $"  out[{i}] = {left[i]}\n");
            }
        }
    }

    private static long[] Out(LoadedObject loaded)
    {
        LinkedVariable output = loaded.Definition.Variables.Single(variable => variable.Name == "out");
        byte[] bytes = new byte[output.Size];
        loaded.ReadVariable(output, bytes);
        return MemoryMarshal.Cast<byte, long>(bytes).ToArray();
    }

    private static string Difference(string expected, string actual)
    {
        string[] left = expected.Split('\n');
        string[] right = actual.Split('\n');
        string program = "";
        var text = new StringBuilder();
        for (int i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            string a = i < left.Length ? left[i] : "";
            string b = i < right.Length ? right[i] : "";
            program = a.StartsWith(' ') ? program : a;
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $"{program.Split(' ')[0]}: kernel {a.Trim()} | vm {b.Trim()}\n");
            }
        }

        return text.ToString();
    }

    private static BpfObject Read(string source) => Toolchain.Read("clang-19", $"../Osmia.EngineTests/Contracts/Sources/{source}.bpf.c", "-mcpu=v3");
}
