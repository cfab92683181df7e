using System.Text.RegularExpressions;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Tests.Verification;

/// <summary>A refusal is explained: the value's story, the path to it, an example, what to change.</summary>
public partial class ExplanationTests
{
    public static TheoryData<string> Pages => [.. VerifierPages.Ids.Where(id => Printed(id) is not null)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Pages_show_what_is_printed(string id)
    {
        (LinkedObject refused, LinkedObject _) = VerifierPages.Programs(id);
        VerificationReport report = Verifier.Verify(refused, refused.Programs[0]);

        Assert.Equal(Printed(id), Explainer.Explain(refused, refused.Programs[0], null, report)!.ToString());
    }

    [Fact]
    public void Most_pages_show_what_is_printed() => Assert.True(Pages.Count >= 16, $"{Pages.Count} pages do");

    [Fact]
    public void Accepted_programs_have_nothing_to_explain()
    {
        (LinkedObject _, LinkedObject mended) = VerifierPages.Programs("OSM3005");

        Assert.Null(Explainer.Explain(mended, mended.Programs[0], null, Verifier.Verify(mended, mended.Programs[0])));
    }

    [Fact]
    public void A_leak_is_told_from_where_it_was_taken_over_the_branches_to_the_exit()
    {
        Explanation explanation = Explain("""
            .license "GPL"
            .map events type ringbuf entries 4096
            .section socket
            main:
                r6 = *(u32 *)(r1 + 0)
                r1 = events ll
                r2 = 8
                r3 = 0
                call bpf_ringbuf_reserve
                if r0 == 0 goto done
                if r6 == 1 goto done
                r1 = r0
                r2 = 0
                call bpf_ringbuf_submit
            done:
                r0 = 0
                exit
            """);

        Assert.Equal("OSM3011", explanation.Id);
        Assert.Equal([(StoryKind.Origin, 5), (StoryKind.Branch, 6), (StoryKind.Branch, 7), (StoryKind.Use, 12)], explanation.Story.Select(step => (step.Kind, step.Slot)));
        Assert.Equal([(6, false), (7, true)], explanation.Path.Select(decision => (decision.Slot, decision.IsTaken)));
        Assert.StartsWith("bpf_ringbuf_discard(", explanation.Try[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_packet_pointer_that_a_call_made_stale_names_the_call()
    {
        Explanation explanation = Explain("""
            .section xdp
            main:
                r7 = r1
                r2 = *(u32 *)(r1 + 4)
                r6 = *(u32 *)(r1 + 0)
                r3 = r6
                r3 += 14
                if r3 > r2 goto done
                r2 = 4
                call bpf_xdp_adjust_head
                r0 = *(u8 *)(r6 + 0)
            done:
                r0 = 2
                exit
            """);

        StoryStep loss = Assert.Single(explanation.Story, step => step.Kind == StoryKind.Loss);
        Assert.Equal(("OSM3004", 7), (explanation.Id, loss.Slot));
        Assert.Contains("again after that call", explanation.Try[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_register_that_one_way_leaves_unwritten_names_the_branch_that_leads_past()
    {
        Explanation explanation = Explain("""
            .section socket
            main:
                r2 = *(u32 *)(r1 + 0)
                if r2 > 5 goto skip
                r6 = 7
            skip:
                r0 = r6
                exit
            """);

        StoryStep branch = Assert.Single(explanation.Story, step => step.Kind == StoryKind.Branch);
        Assert.Equal(("OSM3003", 1), (explanation.Id, branch.Slot));
        Assert.Contains("r2 > 5", branch.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_is_followed_over_the_stack_and_through_functions()
    {
        Explanation explanation = Explain("""
            .section socket
            main:
                r1 = *(u32 *)(r1 + 0)
                *(u64 *)(r10 - 8) = r1
                r1 = *(u64 *)(r10 - 8)
                call twice
                r0 = *(u8 *)(r0 + 0)
                exit
            twice:
                r0 = r1
                r0 += r0
                exit
            """);

        Assert.Equal("OSM3004", explanation.Id);
        Assert.Equal([0, 1, 2, 3, 6, 7, 8, 4], explanation.Story.Select(step => step.Slot));
        Assert.Contains("field 'len'", explanation.Story[0].Text, StringComparison.Ordinal);
    }

    private static Explanation Explain(string text)
    {
        LinkedObject linked = Linker.Link(ObjectAssembler.Assemble(text, "explained.s"), new Target("explained"));
        VerificationReport report = Verifier.Verify(linked, linked.Programs[0]);
        Assert.Equal(Verdict.Reject, report.Verdict);
        return Explainer.Explain(linked, linked.Programs[0], null, report)!;
    }

    private static string? Printed(string id)
    {
        Match block = Block().Match(File.ReadAllText(RepositoryFiles.PathOf("docs", "diagnostics", id + ".md")));
        return block.Success ? block.Groups[1].Value.TrimEnd('\n') : null;
    }

    [GeneratedRegex("\\*\\*What is printed:\\*\\*\n\n```text\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
