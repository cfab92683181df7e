using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Tests.Verification;

/// <summary>Whatever is wrong with a real program, its refusal can be explained.</summary>
public class ExplainedMutantTests(ITestOutputHelper output)
{
    private const int Seed = 20_261_121;
    private const int Rounds = 300;

    [Fact]
    public void Every_refusal_of_a_changed_program_ends_its_story_where_it_is_refused()
    {
        var random = new Random(Seed);
        LinkedObject[] objects = [.. new[] { "tail", "firewall", "packets" }
            .Select(name => Linker.Link(BpfObject.Read(RepositoryFiles.PathOf("samples", name, name + ".bpf.o")), new Target("none")))];
        int refused = 0;
        int told = 0;
        for (int round = 0; round < Rounds; round++)
        {
            LinkedObject linked = objects[random.Next(objects.Length)];
            LinkedProgram original = linked.Programs[random.Next(linked.Programs.Length)];
            (LinkedProgram mutant, int slot) = Mutant.Of(random, original);
            string what = $"seed {Seed}, round {round}: {linked.Name} {original.Name}, slot {slot} to {Disassembler.Format(mutant.Instructions.AsSpan(), slot)}";
            VerificationReport report = Verifier.Verify(linked, mutant);
            if (report.Verdict != Verdict.Reject)
            {
                continue;
            }

            Explanation explanation = Explainer.Explain(linked, mutant, null, report)!;
            refused++;
            told += explanation.Story.Count > 1 ? 1 : 0;

            Assert.True(explanation.Id == report.Problem!.Id && explanation.Slot == report.Problem.Slot, what);
            Assert.True(explanation.Try.Count > 0 && explanation.ToString().Length > 0, what);
            Assert.True(explanation.Story.Count == 0 || report.Problem.Family == CheckFamily.Limits || explanation.Story[^1] is { Kind: StoryKind.Use } end && end.Slot == explanation.Slot, what + "\n" + explanation);
            Assert.True(explanation.Path.All(decision => decision.Next == decision.Slot + 1 || decision.IsTaken), what);
        }

        output.WriteLine($"{refused} of {Rounds} mutants refused, {told} with a story of more than one step");
        Assert.True(refused > Rounds / 10 && told > refused / 2);
    }
}
