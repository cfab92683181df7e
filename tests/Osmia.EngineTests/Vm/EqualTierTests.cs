using System.Diagnostics;
using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Contracts;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>
/// The same random program in the interpreter and compiled: the same r0, packets, maps and traps. The interpreter runs it twice, in two
/// engines; where those differ the program shows addresses, which differ from load to load, and nothing is compared.
/// </summary>
/// <remarks><c>OSMIA_TIER_SEED</c> repeats one program.</remarks>
public sealed class EqualTierTests
{
    private const int Runs = 3;
    private const string BudgetUsedUp = "OSM6104";
    private const int KnownRounds = 4500;
    private const byte Ja32 = 0x06;
    private const int LoopHelper = 181;

    private static readonly Way[] s_compiled =
    [
        new("il checked", Options(VmTier.Il, VmMode.Checked)),
        new("il metered", Options(VmTier.Il, VmMode.Metered)),
        new("x64 checked", Options(VmTier.X64, VmMode.Checked)),
        new("x64 metered", Options(VmTier.X64, VmMode.Metered)),
    ];

    /// <summary>For programs that the verifier accepts.</summary>
    private static readonly Way[] s_all = [.. s_compiled, new("interpreter verified", Options(VmTier.Interpreter, VmMode.Checked), IsVerified: true), new("il verified", Options(VmTier.Il, VmMode.Checked), IsVerified: true), new("x64 verified", Options(VmTier.X64, VmMode.Checked), IsVerified: true)];

    private static readonly Way s_interpreted = new("interpreter", Options(VmTier.Interpreter, VmMode.Metered));

    [Fact]
    public void Random_programs_do_the_same_in_every_tier() => Hunt("programs", random => RandomProgramTests.MakeObject(random), RandomPacket, s_compiled);

    [Fact]
    public void Random_arithmetic_gives_the_same_in_every_tier() =>
        Hunt("arithmetic", random => new LinkedObject("random", [WithFunctions(ArithmeticProgram.Make(random.Next()))], [], []) { License = "GPL" }, ArithmeticProgram.MakePacket, s_all);

    [Fact]
    public void Random_bit_patterns_give_the_same_in_every_tier() =>
        Hunt("bit patterns", random => new LinkedObject("random", [BitPatternProgram.Make(random.Next())], [], []) { License = "GPL" }, ArithmeticProgram.MakePacket, s_all);

    [Fact]
    public void Random_lookups_give_the_same_in_every_tier() => Hunt("lookups", random => LookupProgram.Make(random.Next()), RandomPacket, s_all);

    [Fact]
    public void Random_accesses_through_the_same_pointers_do_the_same_in_every_tier() => Hunt("reaches", random => ReachProgram.Make(random.Next()), ReachProgram.MakePacket, s_compiled);

    /// <summary>The verifier asks to which function a slot belongs.</summary>
    private static LinkedProgram WithFunctions(LinkedProgram program)
    {
        int call = program.Instructions.ToList().FindIndex(i => i.Opcode.Value == Opcodes.Call && i.Source == Register.R1);
        LinkedFunction entry = new(0, program.Name, default, false);
        return program with { Functions = call < 0 ? [entry] : [entry, new(call + program.Instructions[call].Immediate + 1, "called", default, false)] };
    }

    private static byte[] RandomPacket(Random random)
    {
        byte[] packet = new byte[random.Next(4) == 0 ? random.Next(20) : 60];
        random.NextBytes(packet);
        return packet;
    }

    private static VmOptions Options(VmTier tier, VmMode mode) =>
        new() { Slots = 1, Seed = 1, Tier = tier, Mode = mode, InstructionBudget = 1 << 14, TreatAsMemoryPrograms = true, Trace = _ => { }, MonotonicClock = () => 1_000_000 };

    private static void Hunt(string what, Func<Random, LinkedObject> make, Func<Random, byte[]> makePacket, Way[] compiled)
    {
        var hunt = new Hunt("OSMIA_TIER_SEED", Budget.For("engines") / 7, KnownRounds);
        int compared = 0;
        int trapped = 0;
        int skipped = 0;
        int refused = 0;
        var values = new HashSet<ulong>();
        do
        {
            int seed = hunt.Seed;
            Trial first;
            LinkedObject linked = make(new Random(seed));
            try
            {
                first = RunIn(s_interpreted, ref linked, seed, makePacket)!;
            }
            catch (UnsupportedFeatureException)
            {
                continue;
            }

            // The memory of another thread lies elsewhere, so that what shows an address differs.
            Trial second = RunElsewhere(s_interpreted, linked, seed, makePacket)!;
            if (first.Results.Any(r => r.Trap == BudgetUsedUp) || second.Results.Any(r => r.Trap == BudgetUsedUp))
            {
                skipped++;
            }
            else
            {
                foreach (Way way in compiled)
                {
                    // Only metering ends a program for certain: where addresses decide, it may loop for ever here and not there.
                    if (way.Options.Mode != VmMode.Metered && MayLoop(linked))
                    {
                        continue;
                    }

                    // A part of an address, or which of two is larger, may by chance be the same twice: only what differs every time, in other memory too, differs.
                    if (RunIn(way, ref linked, seed, makePacket) is not { } trial)
                    {
                        refused++;
                        continue;
                    }

                    string? difference = Difference(first, second, trial);
                    for (int again = 0; difference is not null && again < 5; again++)
                    {
                        difference = Difference(RunIn(s_interpreted, ref linked, seed, makePacket)!, RunElsewhere(s_interpreted, linked, seed, makePacket)!, again % 2 == 0 ? RunElsewhere(way, linked, seed, makePacket)! : RunIn(way, ref linked, seed, makePacket)!);
                    }

                    Assert.True(difference is null, $"{what} seed {seed} ({way.Name}, {linked.Programs[0].Type}): {difference}\n{RandomProgramTests.Bytes(linked)}");
                }

                compared++;
                values.UnionWith(first.Results.Select(r => r.Value));
                trapped += first.Results.Count(r => r.Trap is not null);
            }
        }
        while (hunt.Next());

        string summary = $"{what}: {compared} programs agreed on {Runs} runs each, {trapped} runs trapped, {skipped} programs used up the budget, {refused} were not run as verified, {values.Count} different results, seeds from {hunt.First} to {hunt.Seed}";
        TestContext.Current.SendDiagnosticMessage(summary);
        TestContext.Current.TestOutputHelper?.WriteLine(summary);
        Assert.True(compared > 0, summary);
        Assert.True(compiled != s_all || values.Count > compared / 2, $"most runs give the same: {summary}");
    }

    private static bool MayLoop(LinkedObject linked) => linked.Programs.Any(program => program.Instructions.Any(instruction =>
        instruction.Opcode.IsJump && (instruction.Offset < 0 || (instruction.Opcode.Value == Ja32 && instruction.Immediate < 0) || (instruction.Opcode.Value == Opcodes.Call && instruction.Immediate == LoopHelper))));

    private static Trial? RunElsewhere(Way way, LinkedObject linked, int seed, Func<Random, byte[]> makePacket)
    {
        Trial? result = null;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = RunIn(way, ref linked, seed, makePacket);
            }
            catch (Exception e)
            {
                failure = e;
            }
        }) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(60)), $"seed {seed}: a metered run has no end");
        return failure is null ? result : throw new InvalidOperationException($"seed {seed}", failure);
    }

    private static string? Difference(Trial first, Trial second, Trial compiled)
    {
        string? found = null;
        for (int i = 0; i < Runs; i++)
        {
            if (first.Results[i].Trap == BudgetUsedUp && compiled.Results[i].Trap == BudgetUsedUp)
            {
                // Compiled code counts what its loops span: where exactly it ends, and what it did till then, is its own.
                return found;
            }

            Same(first.Results[i].Value, second.Results[i].Value, compiled.Results[i].Value, $"run {i}: r0");
            Same(first.Results[i].Trap, second.Results[i].Trap, compiled.Results[i].Trap, $"run {i}: trap");
            Same(first.Results[i].Slot, second.Results[i].Slot, compiled.Results[i].Slot, $"run {i}: trap's slot");
            Same(first.Results[i].Packet, second.Results[i].Packet, compiled.Results[i].Packet, $"run {i}: packet");
            for (int register = 0; compiled.Results[i].Trap is not null && first.Results[i].Slot == compiled.Results[i].Slot && register < 11; register++)
            {
                if (compiled.Results[i].Registers?[register] is { } known)
                {
                    Same(first.Results[i].Registers?[register], second.Results[i].Registers?[register], known, $"run {i}: r{register} at the trap");
                }
            }
        }

        for (int i = 0; i < first.Maps.Length; i++)
        {
            Same(first.Maps[i], second.Maps[i], compiled.Maps[i], $"map {i}");
        }

        return found;

        void Same<T>(T one, T other, T actual, string what)
        {
            if (EqualityComparer<T>.Default.Equals(one, other) && !EqualityComparer<T>.Default.Equals(one, actual))
            {
                found ??= $"{what} is {actual}, in the interpreter {one}";
            }
        }
    }

    /// <returns>Null when it is to run verified and the verifier does not accept it.</returns>
    private static Trial? RunIn(Way way, ref LinkedObject linked, int seed, Func<Random, byte[]> makePacket)
    {
        VmOptions options = way.Options;
        using var engine = new VmEngine(options);
        int refused = 0;
        VerifiedProgram? proof = way.IsVerified ? VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out _) : null;
        if (way.IsVerified && proof is null)
        {
            return null;
        }

        using LoadedObject loaded = proof is null ? RandomProgramTests.LoadRepaired(engine, ref linked, new Random(seed), ref refused) : engine.LoadVerified(linked, [proof]);
        var program = (VmProgram)loaded.Programs[0];
        Assert.True(program.Tier == options.Tier, $"seed {seed}: {program.TierReason}");
        var random = new Random(seed);
        var results = new Result[Runs];
        for (int i = 0; i < Runs; i++)
        {
            byte[] packet = makePacket(random);
            byte[] output = new byte[200];
            try
            {
                ProgramRunResult result = program.Run(new ProgramRun { Data = packet, DataOut = output });
                results[i] = new(result.ReturnValue, null, 0, $"{result.DataLength} {Convert.ToHexString(output)}");
            }
            catch (TrapException trap)
            {
                Assert.True(trap.Id != "OSM6109", $"seed {seed}: {trap}");
                results[i] = new(0, trap.Id, trap.Slot, "") { Registers = [.. Enumerable.Range(0, 11).Select(register => trap.IsKnown(register) ? trap.Registers[register] : (ulong?)null)] };
            }
        }

        return new(results, [.. loaded.Maps.Select(Contents)]);
    }

    private static string Contents(Map map)
    {
        if (map.Type is MapType.Ringbuf or MapType.PerfEventArray or MapType.ProgArray or MapType.Queue or MapType.ArrayOfMaps || map.KeySize == 0)
        {
            return "";
        }

        var contents = new SortedSet<string>(StringComparer.Ordinal);
        byte[] key = new byte[map.KeySize];
        byte[] next = new byte[map.KeySize];
        byte[] value = new byte[map.ValueBufferSize];
        for (bool found = map.TryNextKey(default, next); found; found = map.TryNextKey(key, next))
        {
            (key, next) = (next, key);
            if (map.TryLookup(key, value))
            {
                contents.Add($"{Convert.ToHexString(key)}={Convert.ToHexString(value)}");
            }
        }

        return string.Join(' ', contents);
    }

    /// <param name="IsVerified">It is judged, and loaded with the proof.</param>
    private sealed record Way(string Name, VmOptions Options, bool IsVerified = false);

    private readonly record struct Result(ulong Value, string? Trap, int Slot, string Packet)
    {
        /// <summary>At the trap; null where it is not known.</summary>
        public ulong?[]? Registers { get; init; }
    }

    private sealed record Trial(Result[] Results, string[] Maps);
}
