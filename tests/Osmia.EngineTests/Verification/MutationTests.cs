using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Verification.Features;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>
/// Real programs with one instruction changed, judged here and by the running kernel. What we accept and the kernel refuses is a fault of
/// ours; what we refuse and the kernel accepts is counted. OSMIA_HUNT_SEED and OSMIA_HUNT_ROUNDS as in the other hunts.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class MutationTests(ITestOutputHelper output)
{
    private const int DefaultSeed = 20_261_121;
    private static readonly string[] s_limits = ["BPF program is too large", "jumps is too complex"];

    /// <param name="from">The samples, or a package of Debian.</param>
    [Theory]
    [InlineData("samples")]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    public void No_mutant_that_we_accept_is_refused_by_the_kernel(string from)
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        int seed = Setting("OSMIA_HUNT_SEED", DefaultSeed);
        int rounds = Setting("OSMIA_HUNT_ROUNDS", from == "samples" ? 200 : 100);
        TimeSpan time = Budget.For("verifier") / 3;
        var loaded = new List<LoadedObject>();
        try
        {
            List<Subject> subjects = Subjects(engine, from, loaded);
            var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
            var tooStrict = new SortedDictionary<string, int>(StringComparer.Ordinal);
            var sheet = new FamilyCounts();
            var random = new Random(seed);
            var clock = Stopwatch.StartNew();
            int round = 0;
            for (; round < rounds || clock.Elapsed < time; round++)
            {
                Subject subject = subjects[random.Next(subjects.Count)];
                (LinkedProgram mutant, int slot) = Mutate(random, subject.Program);
                VerificationReport report = Verifier.Verify(subject.Object, mutant, engine.Target);
                if (report.Verdict == Verdict.Unknown)
                {
                    Count(counts, "cannot be judged");
                    continue;
                }

                string? refusal = subject.Refusal(mutant);
                if (refusal is not null && s_limits.Any(limit => refusal.Contains(limit, StringComparison.Ordinal)))
                {
                    // Which states are kept is a matter of patience, not of safety.
                    Count(counts, "the kernel's patience ended");
                    continue;
                }

                Count(counts, $"{report.Verdict} here, {(refusal is null ? "Accept" : "Reject")} there");
                sheet.Add(from, report.Verdict, refusal is null, isSameSlot: true);
                if (report.Verdict == Verdict.Accept && refusal is not null)
                {
                    Assert.Fail($"{from}, seed {seed}, round {round}: {subject.Name} with slot {slot} changed from\n  {Text(subject.Program, slot)}\nto\n  {Text(mutant, slot)}\nis accepted here; the kernel: {refusal}");
                }

                if (report.Verdict == Verdict.Reject && refusal is null)
                {
                    Count(tooStrict, report.Problem!.Family.ToString());
                    if (tooStrict.Values.Sum() <= 12)
                    {
                        output.WriteLine($"too strict: round {round}, {subject.Name}, slot {slot}: {Text(subject.Program, slot)} to {Text(mutant, slot)}: {report.Problem}");
                    }
                }
            }

            AgreementSheet.Update($"mutants of {from}", $"`MutationTests` on {engine.Target.Name}: {round} mutants from seed {seed}; instructions are not compared.", sheet);
            output.WriteLine($"{from}, seed {seed}: {round} mutants of {subjects.Count} programs: {string.Join(", ", counts.Select(pair => $"{pair.Key} {pair.Value}"))}; too strict: {string.Join(", ", tooStrict.Select(pair => $"{pair.Key} {pair.Value}"))}");
        }
        finally
        {
            loaded.ForEach(one => one.Dispose());
        }
    }

    private static List<Subject> Subjects(KernelEngine engine, string from, List<LoadedObject> loaded)
    {
        var subjects = new List<Subject>();
        IEnumerable<(string Name, byte[] Data)> objects = from == "samples"
            ? Directory.EnumerateFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories).Order().Select(path => (Path.GetFileName(path), File.ReadAllBytes(path)))
            : ForeignObjects.Of(from);
        foreach ((string name, byte[] data) in objects)
        {
            LinkedObject linked;
            try
            {
                linked = Linker.Link(BpfObject.Read(data, name), engine.Target);
                loaded.Add(engine.Load(linked, LoadOptions.Default));
            }
            catch (BpfException e) when (from != "samples" || e.Id == "OSM5021")
            {
                // It is for another kernel, or this machine refuses its kind of program: there are enough others.
                continue;
            }

            KernelMap[] maps = [.. loaded[^1].Maps.Cast<KernelMap>()];
            foreach (LinkedProgram program in linked.Programs)
            {
                // Mutants are loaded without types, where global functions are walked as static ones: only programs without are the same to both.
                if (!program.Functions.Skip(1).Any(function => function.IsGlobal) && Verifier.Verify(linked, program, engine.Target).Verdict == Verdict.Accept)
                {
                    subjects.Add(new Subject($"{name} {program.Name}", linked, program, maps, engine.Target.KernelVersion));
                }
            }
        }

        Assert.NotEmpty(subjects);
        return subjects;
    }

    private static (LinkedProgram Mutant, int Slot) Mutate(Random random, LinkedProgram program)
    {
        Instruction[] code = [.. program.Instructions];
        int slot;
        do
        {
            slot = random.Next(code.Length);
        }
        while (slot > 0 && code[slot - 1].IsWide);

        Instruction old = code[slot];
        code[slot] = random.Next(7) switch
        {
            0 => old with { Registers = (byte)((old.Registers & 0xf0) | random.Next(11)) },
            1 when !old.IsWide && !old.IsCall => old with { Registers = (byte)((old.Registers & 0xf) | random.Next(11) << 4) },
            2 => old with { Offset = (short)(old.Offset + (random.Next(2) == 0 ? 1 : -1) * (1 << random.Next(5))) },
            3 when !old.IsWide => old.WithImmediate(old.Immediate + (random.Next(2) == 0 ? 1 : -1) * (1 << random.Next(12))),
            4 when !old.IsWide => old.WithImmediate(random.Next(3) switch { 0 => random.Next(-16, 600), 1 => int.MinValue, _ => int.MaxValue }),
            5 when old.Opcode.IsArithmetic || old.Opcode.IsJump => old with { Opcode = new Opcode((byte)((old.Opcode.Value & 0xf) | random.Next(16) << 4)) },
            6 when !old.IsWide && !old.IsExit => new Instruction(new Opcode(Opcodes.Jump), 0, 0, 0),
            _ => old with { Opcode = new Opcode((byte)(old.Opcode.Value ^ 1 << random.Next(3, 5))) },
        };
        return (program with { Instructions = ImmutableCollectionsMarshal.AsImmutableArray(code) }, slot);
    }

    private static string Text(LinkedProgram program, int slot) => Disassembler.Format(program.Instructions.AsSpan(), slot);

    private static void Count(SortedDictionary<string, int> counts, string cell) => counts[cell] = counts.GetValueOrDefault(cell) + 1;

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private sealed record Subject(string Name, LinkedObject Object, LinkedProgram Program, KernelMap[] Maps, uint KernelVersion)
    {
        /// <summary>The kernel's answer to a mutant, or null when it loads; no types are loaded with it.</summary>
        public string? Refusal(LinkedProgram mutant)
        {
            try
            {
                new ProgramLoader(Object, Maps, null, [], KernelVersion, LoadOptions.Default).Load(mutant).Dispose();
                return null;
            }
            catch (KernelException e)
            {
                return e.Message + "\n" + string.Join('\n', (e.VerifierLog ?? "").Split('\n').TakeLast(8));
            }
        }
    }
}
