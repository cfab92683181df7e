using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Objects.Linking;
using Osmia.Tests.Verification.Generator;
using Osmia.Verification;
using Osmia.Verification.Facts;

namespace Osmia.Tests.Verification;

/// <summary>
/// The interpreter runs verified programs and holds registers and stack before every instruction against what the verifier said of them.
/// No kernel is asked. OSMIA_HUNT_SEED and OSMIA_HUNT_ROUNDS as in the other hunts.
/// </summary>
public class StateEmbeddingTests(ITestOutputHelper output)
{
    private const ulong FirstSeed = 3_000_000;
    private const int Rounds = 300;
    private const int InputsPerProgram = 4;

    [Fact]
    public void Executions_stay_inside_what_the_verifier_says()
    {
        string? rounds = Environment.GetEnvironmentVariable("OSMIA_HUNT_ROUNDS");
        bool isBuild = Environment.GetEnvironmentVariable("CI") is not null;
        ulong first = Environment.GetEnvironmentVariable("OSMIA_HUNT_SEED") is { Length: > 0 } seed ? ulong.Parse(seed, CultureInfo.InvariantCulture)
            : isBuild ? FirstSeed : (ulong)Random.Shared.NextInt64() >> 8;
        int least = rounds is { Length: > 0 } ? int.Parse(rounds, CultureInfo.InvariantCulture) : Rounds;
        TimeSpan time = rounds is { Length: > 0 } || isBuild ? TimeSpan.Zero : Budget.For("verifier") / 4;
        var clock = Stopwatch.StartNew();
        int accepted = 0;
        int complete = 0;
        long steps = 0;
        ulong done = 0;
        for (; done < (ulong)least || clock.Elapsed < time; done++)
        {
            GeneratedProgram generated = ProgramGenerator.Make(first + done);
            VerificationReport report = Verifier.Verify(GeneratorScaffold.Object, generated.Program, options: new VerificationOptions { Facts = true });
            if (report.Verdict != Verdict.Accept)
            {
                continue;
            }

            var states = new StateRecorder();
            Verifier.Watch(GeneratorScaffold.Object, generated.Program, null, states);
            accepted++;
            complete += states.IsComplete ? 1 : 0;
            var random = new Random((int)generated.Seed);
            for (int i = 0; i < InputsPerProgram; i++)
            {
                StateWatch? watch = null;
                GeneratedRun.Run(generated.Program, new GeneratedInput(random), loaded => (watch = new StateWatch(generated.Program, report.Facts!, states, loaded)).Attach());
                steps += watch!.Steps;
                Assert.True(watch.Fault is null, $"seed {generated.Seed} ({generated.Profile}), input {i}: {watch.Fault}\n{GeneratedProgram.Listing(generated.Program)}");
            }
        }

        output.WriteLine($"seeds from {first}: {done} programs, {accepted} accepted and run on {InputsPerProgram} inputs each, {steps} instructions held against facts, {complete} programs also against every single state; {clock.Elapsed.TotalSeconds:f1} s");
        Assert.True(accepted * 3 >= (int)done && complete * 10 >= accepted, $"{accepted} of {done} programs accepted, {complete} with all their states");
    }
}
