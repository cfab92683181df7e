using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Loops over words, many turns of which compiled code does at once.</summary>
public class WordLoopTests(ITestOutputHelper output)
{
    private const int KnownRounds = 3000;
    private const int Budget = 200_000;

    private static readonly VmTier[] s_compiled = [VmTier.Il, VmTier.X64];

    [Fact]
    public void Loops_over_words_leave_what_the_interpreter_leaves()
    {
        var hunt = new Hunt("OSMIA_LOOP_SEED", Tests.Budget.For("engines") / 10, KnownRounds);
        var taken = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int programs = 0;
        int verified = 0;
        do
        {
            var random = new Random(hunt.Seed);
            var loop = WordLoopProgram.Make(random, isMemory: true);
            byte[] data = Bytes(random);
            foreach (int length in (int[])[data.Length, 700, 40])
            {
                string expected = Outcome(VmTier.Interpreter, VmMode.Metered, loop.Text, data.AsSpan(0, length));
                foreach (VmMode mode in (VmMode[])[VmMode.Checked, VmMode.Metered])
                {
                    foreach (VmTier tier in s_compiled)
                    {
                        Assert.True(expected == Outcome(tier, mode, loop.Text, data.AsSpan(0, length)), $"seed {hunt.Seed}, {tier}, {mode}, {length} bytes:\n{loop.Text}");
                    }
                }
            }

            var judged = WordLoopProgram.Make(random, isMemory: false);
            LinkedObject linked = TestPrograms.Object([TestPrograms.Program(judged.Text, ProgramType.Xdp)]);
            using var plain = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter });
            if (VerifiedProgram.Prove(linked, linked.Programs[0], plain.Target, out _) is { } proof)
            {
                using LoadedObject interpreted = plain.Load(linked, LoadOptions.Default);
                string expected = Outcome(interpreted, data);
                foreach (VmTier tier in s_compiled)
                {
                    using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
                    using LoadedObject loaded = engine.LoadVerified(linked, [proof]);
                    Assert.True(expected == Outcome(loaded, data), $"seed {hunt.Seed}, {tier}, {VmMode.Verified}:\n{judged.Text}");
                    if (tier == VmTier.Il && hunt.Seed % 16 == 0 && IsTaken(loaded))
                    {
                        taken[$"{judged.Work} of {judged.Size}"] = taken.GetValueOrDefault($"{judged.Work} of {judged.Size}") + 1;
                    }
                }

                verified++;
            }

            programs++;
        }
        while (hunt.Next());

        output.WriteLine($"{programs} loops in checked and metered mode on 3 packets, {verified} others verified, seeds from {hunt.First} to {hunt.Seed}; of every 16th, with a shortcut: "
            + string.Join(", ", taken.Select(kind => $"{kind.Value} {kind.Key}")));
        Assert.True(hunt.IsRepeated || verified * 3 > programs, $"{verified} of {programs} verified");
    }

    [Theory]
    [InlineData("r4 = r7; r4 += r3; r5 = r4; r5 += 2; if r5 > r9 goto out; r4 = *(u16 *)(r4 + 0); w0 += w4; r3 += 2; if r3 != 1500 goto again")]
    [InlineData("r4 = r7; r4 += r3; r4 = *(u32 *)(r4 + 0); r0 += r4; r3 += 4; if r3 == 800 goto out; goto again")]
    [InlineData("r4 = r7; r4 += r3; r6 = r4; r4 = *(u8 *)(r4 + 0); *(u8 *)(r6 + 700) = r4; r3 += 1; if r3 < 600 goto again")]
    [InlineData("r2 = r3; r6 = r7; r6 += r2; *(u64 *)(r6 + 0) = 0; r3 += 8; if r2 < 792 goto again")]
    [InlineData("r4 = r7; r4 += r3; r6 = r4; r4 = *(u8 *)(r4 + 0); r6 = *(u8 *)(r6 + 700); r0 = 1; if w4 != w6 goto out; r0 = 2; r3 += 1; if r3 == 600 goto out; goto again")]
    public void Loops_as_clang_writes_them_are_recognised(string turn)
    {
        foreach ((string start, ProgramType type) in new[] { ("r7 = r1; r9 = r1; r9 += r2", ProgramType.Unspec), ("r9 = *(u32 *)(r1 + 4); r7 = *(u32 *)(r1 + 0)", ProgramType.Xdp) })
        {
            using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
            using LoadedObject loaded = engine.Load(type, $"{start}; r0 = 0; r3 = 0\nagain: {turn}\nout: exit");
            Assert.True(IsTaken(loaded));
        }
    }

    [Fact]
    public void A_loop_that_does_more_is_left_as_it_is()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        foreach (string turn in (string[])[
            "r4 = r1; r4 += r3; r4 = *(u8 *)(r4 + 0); r0 += r4; r0 += r3; r3 += 1; if r3 != 600 goto again",
            "r4 = r1; r4 += r3; r4 = *(u8 *)(r4 + 0); r0 += r5; r5 = r4; r3 += 1; if r3 != 600 goto again",
            "r4 = r1; r4 += r3; r4 = *(u8 *)(r4 + 0); r0 += r4; *(u8 *)(r1 + 9) = r4; r3 += 1; if r3 != 600 goto again",
            "r4 = r1; r4 += r3; r4 = *(u16 *)(r4 + 0); r0 += r4; r3 += 1; if r3 != 600 goto again",
            "r4 = r1; r4 += r0; r4 = *(u8 *)(r4 + 0); r0 += r4; r3 += 1; if r3 != 600 goto again"])
        {
            using LoadedObject loaded = engine.Load($"r0 = 0; r3 = 0; r5 = 0\nagain: {turn}\nexit");
            Assert.False(IsTaken(loaded), turn);
        }
    }

    [Theory]
    [InlineData("r4 = r7; r4 += r3; r4 += 8; if r4 > r9 goto out; r4 = r7; r4 += r3; r5 = *(u64 *)(r4 + 0); r0 += r5; r3 += 8; if r3 != 1600 goto again")]
    [InlineData("r6 = r7; r6 += r3; r6 += 8; if r6 > r9 goto out; r6 = r7; r6 += r3; r4 = *(u64 *)(r6 + 0); r5 = *(u64 *)(r6 + 0); if r4 != r5 goto out; r3 += 8; if r3 != 1600 goto again")]
    public void A_loop_that_ends_at_its_top_leaves_the_word_of_the_turn_before(string turn)
    {
        byte[] data = new byte[700];
        new Random(1).NextBytes(data);
        string program = $"r7 = r1; r9 = r1; r9 += r2; r0 = 0; r3 = 0; r5 = 0\nagain: {turn}\nout: r0 ^= r5; exit";
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        using LoadedObject loaded = engine.Load(program);
        Assert.True(IsTaken(loaded));
        Assert.Equal(Outcome(VmTier.Interpreter, VmMode.Checked, program, data), Outcome(loaded, data));
    }

    private static bool IsTaken(LoadedObject loaded) =>
        ((VmProgram)loaded.Programs[0]).DescribeCompiled().SelectMany(piece => piece.Il).Any(line => line.Contains("ExecutionSlot::RunWords", StringComparison.Ordinal));

    /// <summary>Zeros for a while, so that comparisons go far, then anything, and a copy of what came before.</summary>
    private static byte[] Bytes(Random random)
    {
        byte[] data = new byte[WordLoopProgram.PacketLength];
        random.NextBytes(data.AsSpan(random.Next(data.Length)));
        if (random.Next(2) == 0)
        {
            data.AsSpan(0, 600).CopyTo(data.AsSpan(random.Next(200)));
        }

        return data;
    }

    private static string Outcome(VmTier tier, VmMode mode, string code, ReadOnlySpan<byte> data)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = mode, InstructionBudget = Budget });
        using LoadedObject loaded = engine.Load(code);
        Assert.Equal(tier, ((VmProgram)loaded.Programs[0]).Tier);
        return Outcome(loaded, data);
    }

    private static string Outcome(LoadedObject loaded, ReadOnlySpan<byte> data)
    {
        byte[] after = new byte[data.Length];
        try
        {
            ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = data, DataOut = after });
            return string.Create(CultureInfo.InvariantCulture, $"{result.ReturnValue:x} {result.DataLength} {Convert.ToHexString(after)}");
        }
        catch (TrapException trap)
        {
            return $"{trap.Id} at {trap.Slot}: r0 {trap.Registers[0]:x} r3 {trap.Registers[3]:x}";
        }
    }
}
