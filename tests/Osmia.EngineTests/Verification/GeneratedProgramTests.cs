using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Tests.Verification.Features;
using Osmia.Tests.Verification.Generator;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Verification;

/// <summary>
/// Programs out of a generator that knows what registers hold, judged here and by the running kernel; what both accept runs in the kernel
/// and in the VM. OSMIA_HUNT_SEED and OSMIA_HUNT_ROUNDS repeat and extend; OSMIA_HUNT_REPORT names a file for what we refuse and the kernel accepts.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public partial class GeneratedProgramTests(ITestOutputHelper output)
{
    // With CI=true the rounds stay among those that were run before.
    private const ulong FirstSeed = 1_000_000;
    private const int Rounds = 240;
    private const int InputsPerProgram = 3;
    private const int NamedDifferences = 40;

    // The kernel's patience, and where it stumbles over itself: a callback named only in code that is never reached.
    private static readonly string[] s_limits = ["is too large", "too complex", "verifier bug: No program to jit"];

    [GeneratedRegex("-?[0-9]+")]
    private static partial Regex Digits();

    [Fact]
    public void What_we_accept_the_kernel_accepts_and_the_VM_does_the_same()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        using var trial = new GeneratedTrial(engine);
        string? rounds = Environment.GetEnvironmentVariable("OSMIA_HUNT_ROUNDS");
        bool isBuild = Environment.GetEnvironmentVariable("CI") is not null;
        ulong first = Environment.GetEnvironmentVariable("OSMIA_HUNT_SEED") is { Length: > 0 } seed ? ulong.Parse(seed, CultureInfo.InvariantCulture)
            : isBuild ? FirstSeed : (ulong)Random.Shared.NextInt64() >> 8;
        int least = rounds is { Length: > 0 } ? int.Parse(rounds, CultureInfo.InvariantCulture) : Rounds;
        TimeSpan time = rounds is { Length: > 0 } || isBuild ? TimeSpan.Zero : Budget.For("verifier") / 2;
        var tally = new Tally();
        var stricter = new SortedDictionary<string, (int Count, string Example)>(StringComparer.Ordinal);
        var clock = Stopwatch.StartNew();
        int done = 0;
        for (; done < least || clock.Elapsed < time; done++)
        {
            GeneratedProgram generated = ProgramGenerator.Make(first + (ulong)done);
            long started = Stopwatch.GetTimestamp();
            Judge(engine, trial, generated, tally, stricter);
            if (Stopwatch.GetElapsedTime(started) is { TotalSeconds: > 2 } slow)
            {
                output.WriteLine($"seed {generated.Seed} ({generated.Profile}) took {slow.TotalSeconds:f1} s");
            }
        }

        output.WriteLine($"seeds from {first}, {done} programs in {clock.Elapsed.TotalSeconds:f1} s: {tally}");
        foreach ((string reason, (int count, string example)) in stricter.OrderByDescending(pair => pair.Value.Count).Take(NamedDifferences))
        {
            output.WriteLine($"kernel accepts, we do not: {count} x {reason} (e.g. {example})");
        }

        Assert.True(tally.Looser.Count == 0, string.Join("\n\n", tally.Looser.Values));
        AgreementSheet.Update("generated", $"`GeneratedProgramTests` on {engine.Target.Name}: {done} programs from seed {first} on.", tally.Counts);
        tally.RequireSpread(done);
    }

    private static bool IsLimit(KernelException? refusal) => refusal?.VerifierLog is { } log && Array.Exists(s_limits, limit => log.Contains(limit, StringComparison.Ordinal));

    private static bool IsRefused(GeneratedTrial trial, LinkedProgram program)
    {
        trial.Load(program, out KernelException? refusal)?.Dispose();
        return refusal is not null && !IsLimit(refusal);
    }

    private static void Judge(KernelEngine engine, GeneratedTrial trial, GeneratedProgram generated, Tally tally, SortedDictionary<string, (int Count, string Example)> stricter)
    {
        LinkedProgram program = generated.Program;
        VerificationReport ours = Verifier.Verify(GeneratorScaffold.Object, program, engine.Target);
        using KernelProgram? loaded = trial.Load(program, out KernelException? refusal);
        bool isLimit = IsLimit(refusal);
        tally.Add(generated, ours, refusal, isLimit);
        if (ours.Verdict == Verdict.Accept && refusal is not null && !isLimit)
        {
            LinkedProgram small = ProgramShrinker.Shrink(program, smaller => Verifier.Verify(GeneratorScaffold.Object, smaller, engine.Target).Verdict == Verdict.Accept && IsRefused(trial, smaller));
            trial.Load(small, out KernelException? why)?.Dispose();
            tally.Looser.TryAdd(Digits().Replace(refusal.Message.Split('\n')[0], "N"),
                $"seed {generated.Seed} ({generated.Profile}): we accept, the kernel says {refusal.Message}\nsmallest:\n{GeneratedProgram.Listing(small)}\n{(why is null ? "" : Tail(why))}");
        }

        if (loaded is not null && ours.Verdict != Verdict.Accept)
        {
            string reason = $"{ours.Verdict} {ours.Problem!.Family}: {Digits().Replace(ours.Problem.Message, "N")}";
            (int count, string example) = stricter.GetValueOrDefault(reason);
            stricter[reason] = (count + 1, count == 0 ? $"seed {generated.Seed}, slot {ours.Problem.Slot}" : example);
            if (count == 0 && Environment.GetEnvironmentVariable("OSMIA_HUNT_REPORT") is { Length: > 0 } file)
            {
                LinkedProgram small = ProgramShrinker.Shrink(program, smaller => Verifier.Verify(GeneratorScaffold.Object, smaller, engine.Target) is { Verdict: not Verdict.Accept } report
                    && report.Problem!.Family == ours.Problem.Family && trial.Accepts(smaller));
                VerificationReport again = Verifier.Verify(GeneratorScaffold.Object, small, engine.Target);
                File.AppendAllText(file, $"== {reason}\nseed {generated.Seed}; ours at slot {again.Problem!.Slot}: {again.Problem.Message}; the kernel accepts\n{GeneratedProgram.Listing(small)}\n");
            }
        }

        if (loaded is not null && ours.Verdict == Verdict.Accept && generated.IsRepeatable)
        {
            var random = new Random((int)generated.Seed);
            for (int i = 0; i < InputsPerProgram; i++)
            {
                var input = new GeneratedInput(random);
                RunOutcome expected = trial.RunInKernel(loaded, input);
                RunOutcome actual = GeneratedRun.Run(program, input, tier: generated.Seed % 5 != 0 ? VmTier.Interpreter : generated.Seed % 8 / 4 == 0 ? VmTier.Il : VmTier.X64);
                if (expected != actual)
                {
                    Assert.Fail($"seed {generated.Seed} ({generated.Profile}), input {i}: the engines differ\nkernel: {expected}\nVM:     {actual}\n{GeneratedProgram.Listing(program)}");
                }
            }

            tally.Runs += InputsPerProgram;
        }
    }

    private static string Tail(KernelException refusal) => string.Join('\n', (refusal.VerifierLog ?? "").Split('\n').TakeLast(12));

    private sealed class Tally
    {
        private readonly SortedDictionary<string, int> _verdicts = new(StringComparer.Ordinal);
        private readonly int[] _accepted = new int[Enum.GetValues<Profile>().Length];
        private readonly HashSet<Held> _kinds = [];
        private int _agreeOnSlot;
        private int _bothReject;

        /// <summary>What we accept and the kernel refuses, by the kernel's words.</summary>
        public SortedDictionary<string, string> Looser { get; } = new(StringComparer.Ordinal);

        /// <summary>By profile; where the kernel's patience ended nothing is compared.</summary>
        public FamilyCounts Counts { get; } = new();

        public int Runs { get; set; }

        public int AcceptedByKernel { get; private set; }

        public void Add(GeneratedProgram generated, VerificationReport ours, KernelException? refusal, bool isLimit)
        {
            string cell = $"{ours.Verdict} here, {(refusal is null ? "Accept" : isLimit ? "limit" : "Reject")} there";
            _verdicts[cell] = _verdicts.GetValueOrDefault(cell) + 1;
            if (!isLimit)
            {
                Counts.Add(generated.Profile.ToString().ToLowerInvariant(), ours.Verdict, refusal is null, refusal is null || new VerifierLog(refusal.VerifierLog ?? "").LastSlot == ours.Problem?.Slot);
            }

            if (refusal is null)
            {
                AcceptedByKernel++;
                _accepted[(int)generated.Profile]++;
                _kinds.UnionWith(generated.Kinds);
            }
            else if (ours.Verdict == Verdict.Reject && !isLimit)
            {
                _bothReject++;
                _agreeOnSlot += new VerifierLog(refusal.VerifierLog ?? "").LastSlot == ours.Problem!.Slot ? 1 : 0;
            }
        }

        /// <summary>Programs that are nearly all refused would show little; so would a profile or a kind of pointer that never gets through.</summary>
        public void RequireSpread(int programs)
        {
            Assert.True(AcceptedByKernel * 10 >= programs * 4, $"{AcceptedByKernel} of {programs} programs accepted: {this}");
            Assert.DoesNotContain(0, _accepted);
            Assert.Equal([], Enum.GetValues<Held>().Where(kind => kind != Held.Nothing && !_kinds.Contains(kind)));
        }

        public override string ToString() => string.Join(", ", _verdicts.Select(pair => $"{pair.Key} {pair.Value}"))
            + $"; accepted by profile {string.Join(", ", _accepted.Select((count, i) => $"{(Profile)i} {count}"))}; same failing instruction {_agreeOnSlot} of {_bothReject}; {Runs} runs in both engines";
    }
}
