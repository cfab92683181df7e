using System.Diagnostics;
using System.Text;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>Programs made to take for ever: each gets its verdict within the limits, in seconds and in bounded memory.</summary>
public class LimitTests(ITestOutputHelper output)
{
    [Fact]
    public void A_loop_of_a_million_rounds_ends_at_the_limit_of_instructions()
    {
        VerificationReport report = Verify("""
                .section socket
            main:
                r0 = 0
            again:
                r0 += 1
                if r0 < 1000000 goto again
                exit
            """);

        Assert.Equal((Verdict.Reject, CheckFamily.Limits), (report.Verdict, report.Problem?.Family));
        Assert.Contains("instructions", report.Problem!.Message, StringComparison.Ordinal);
        Assert.Equal(1_000_001, report.InstructionsProcessed);
    }

    [Fact]
    public void A_loop_that_changes_nothing_is_found_at_once()
    {
        VerificationReport report = Verify("""
                .section socket
            main:
                r0 = 0
            again:
                r1 = 1
                if r1 == 1 goto again
                exit
            """);

        Assert.Equal((Verdict.Reject, CheckFamily.EndlessLoop), (report.Verdict, report.Problem?.Family));
        Assert.True(report.InstructionsProcessed < 1000, $"{report.InstructionsProcessed} instructions");
    }

    [Fact]
    public void A_program_made_by_hand_needs_no_list_of_its_functions()
    {
        LinkedObject linked = Linker.Link(ObjectAssembler.Assemble("    .section socket\nmain:\n    call other\n    exit\nother:\n    r0 = 1\n    exit\n", "hand.s"), new Target("hand"));
        LinkedProgram bare = linked.Programs[0] with { Functions = [] };

        Assert.Equal(Verdict.Accept, Verifier.Verify(linked with { Programs = [bare] }, bare).Verdict);
    }

    [Fact]
    public void Numbers_on_which_nothing_depends_do_not_keep_paths_apart()
    {
        var text = new StringBuilder("    .section socket\nmain:\n    r6 = r1\n    r7 = 0\n");
        for (int i = 0; i < 64; i++)
        {
            text.Append($"    r1 = *(u32 *)(r6 + 0)\n    r2 = 0\n    r3 = 0\n    r4 = 0\n    if r1 == {i} goto skip{i}\n    r7 += {1 << (i % 20)}\nskip{i}:\n");
        }

        VerificationReport report = Verify(text + "    r0 = 0\n    exit\n");

        Assert.Equal(Verdict.Accept, report.Verdict);
        Assert.True(report.InstructionsProcessed < 2000, $"{report.InstructionsProcessed} instructions");
    }

    [Fact]
    public void Numbers_on_which_an_access_depends_keep_paths_apart()
    {
        // A thousand sums, and only the path walked last comes by the access: no two may be taken for one.
        var text = new StringBuilder("    .section socket\nmain:\n    r6 = r1\n    r7 = 0\n");
        for (int i = 0; i < 10; i++)
        {
            text.Append($"    r1 = *(u32 *)(r6 + 0)\n    r2 = 0\n    r3 = 0\n    r4 = 0\n    if r1 == {i} goto skip{i}\n    r7 += {1 << i}\nskip{i}:\n");
        }

        VerificationReport report = Verify(text + "    r0 = 0\n    if r7 != 0 goto end\n    r0 = *(u64 *)(r10 + 8)\nend:\n    exit\n");

        Assert.Equal((Verdict.Reject, CheckFamily.StackUse), (report.Verdict, report.Problem?.Family));
        Assert.True(report.InstructionsProcessed > 1000, $"{report.InstructionsProcessed} instructions");
    }

    [Fact]
    public void Calls_that_multiply_are_measured_once()
    {
        // Seven levels of forty calls each: 40^7 chains, one depth. Each function returns at once on the path that is walked.
        var text = new StringBuilder("    .section socket\nmain:\n    r1 = 0\n    call f0\n    r0 = 0\n    exit\n    .text\n");
        for (int level = 0; level < 6; level++)
        {
            text.Append($"f{level}:\n    if r1 == 0 goto out{level}\n");
            for (int call = 0; call < 40; call++)
            {
                text.Append($"    call f{level + 1}\n");
            }

            text.Append($"out{level}:\n    r0 = 0\n    exit\n");
        }

        VerificationReport report = Verify(text + "f6:\n    r0 = 0\n    exit\n");

        Assert.Equal((Verdict.Accept, null), (report.Verdict, report.Problem));
        Assert.Equal(8 * 16, report.StackDepth);
    }

    [Fact]
    public void A_function_that_calls_itself_gets_a_verdict()
    {
        VerificationReport report = Verify("""
                .section socket
            main:
                call down
                r0 = 0
                exit
                .text
            down:
                call down
                exit
            """);

        Assert.Equal(Verdict.Reject, report.Verdict);
    }

    [Fact]
    public void Jumps_that_lead_backwards_all_the_way_are_looked_at_once()
    {
        // Block after block, each reached from the one behind it: what is live travels against the order of the code.
        const int blocks = 100_000;
        var text = new StringBuilder("    .section socket\nmain:\n    r6 = r1\n    gotol block0\n");
        for (int i = blocks; i >= 0; i--)
        {
            text.Append($"block{i}:\n    r0 = r6\n    {(i == blocks ? "r0 = 0\n    exit" : $"goto block{i + 1}")}\n");
        }

        VerificationReport report = Verify(text.ToString());

        Assert.Equal(Verdict.Accept, report.Verdict);
    }

    private VerificationReport Verify(string text)
    {
        LinkedObject linked = Linker.Link(ObjectAssembler.Assemble(text, "limits.s"), new Target("limits"));
        long before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();
        VerificationReport report = Verifier.Verify(linked, linked.Programs[0]);
        output.WriteLine($"{report.Verdict}: {report.InstructionsProcessed} instructions, {report.TotalStates} states, {clock.ElapsedMilliseconds} ms, {(GC.GetAllocatedBytesForCurrentThread() - before) >> 20} MB allocated");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{clock.Elapsed} for {report.InstructionsProcessed} instructions");
        return report;
    }
}
