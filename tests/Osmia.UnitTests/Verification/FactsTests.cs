using Osmia.Bytecode;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Verification.Facts;

namespace Osmia.Tests.Verification;

/// <summary>Facts hold for every execution, also for those on paths that were covered by another.</summary>
public class FactsTests
{
    [Fact]
    public void A_number_that_differs_on_a_covered_path_is_not_claimed()
    {
        VerificationFacts facts = FactsOf("""
            .section tc
            main:
                r6 = 1000
                r7 = *(u32 *)(r1 + 0)
                *(u64 *)(r10 - 8) = r6
                if r7 == 0 goto meet
                r6 = 1
                *(u64 *)(r10 - 8) = r6
                r8 = 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 = 0
            meet:
                r9 = r6
                r9 += 1
                r2 = *(u64 *)(r10 - 8)
                r0 = r9
                exit
            """);

        Assert.True(facts.RegisterAt(15, Register.R6).Allows(1) && facts.RegisterAt(15, Register.R6).Allows(1000));
        Assert.True(facts.StackAt(17, -8).Allows(1) && facts.StackAt(17, -8).Allows(1000));
        Assert.True(facts.RegisterAt(18, Register.R2).Allows(1) && facts.RegisterAt(18, Register.R2).Allows(1000));
        Assert.True(facts.RegisterAt(19, Register.R0).Allows(2) && facts.RegisterAt(19, Register.R0).Allows(1001));
    }

    [Fact]
    public void A_dead_register_that_differs_on_a_covered_path_is_not_claimed_until_it_is_written()
    {
        VerificationFacts facts = FactsOf("""
            .section tc
            main:
                r6 = 1000
                r7 = *(u32 *)(r1 + 0)
                if r7 == 0 goto meet
                r6 = 1
                r8 = 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 += 1
                r8 = 0
            meet:
                r0 = 0
                r0 += 1
                r6 = 5
                r0 += 1
                exit
            """);

        Assert.True(facts.RegisterAt(14, Register.R6).Allows(1) && facts.RegisterAt(14, Register.R6).Allows(1000));
        Assert.Equal((true, 5ul), (facts.RegisterAt(16, Register.R6).IsConstant, facts.RegisterAt(16, Register.R6).Value.Value));
    }

    [Fact]
    public void Copies_that_learned_together_on_one_path_only_are_not_claimed_behind_a_comparison()
    {
        VerificationFacts facts = FactsOf("""
            .section tc
            main:
                r6 = *(u32 *)(r1 + 0)
                r7 = *(u32 *)(r1 + 8)
                r8 = *(u32 *)(r1 + 4)
                if r8 == 0 goto apart
                r7 = r6
                r9 = 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 = 0
                goto meet
            apart:
                r9 = 0
            meet:
                if r6 > 9 goto done
                r2 = r7
                r2 += 0
            done:
                r0 = 0
                exit
            """);

        // On the way over 'apart' r7 is any number when r6 is small.
        Assert.True(facts.RegisterAt(16, Register.R7).Allows(1_000_000) && facts.RegisterAt(17, Register.R2).Allows(1_000_000));
    }

    [Fact]
    public void What_a_covered_path_stored_for_a_function_is_not_claimed_inside_it()
    {
        VerificationFacts facts = FactsOf("""
            .section tc
            main:
                r8 = *(u32 *)(r1 + 4)
                r1 = 1000
                *(u64 *)(r10 - 8) = r1
                if r8 == 0 goto meet
                r1 = 1
                *(u64 *)(r10 - 8) = r1
                r9 = 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 = 0
            meet:
                r1 = r10
                r1 += -8
                call read
                r0 &= 1
                exit
            read:
                r0 = *(u64 *)(r1 + 0)
                r0 += 1
                exit
            """);

        Assert.True(facts.RegisterAt(20, Register.R0).Allows(1) && facts.RegisterAt(20, Register.R0).Allows(1000));
        Assert.True(facts.RegisterAt(17, Register.R0).Allows(2) && facts.RegisterAt(17, Register.R0).Allows(1001));
    }

    [Fact]
    public void An_argument_is_not_doubted_because_another_register_is()
    {
        // r2 holds 1000 or 1 where the paths meet, and nothing looks at it before the call: r1 is the frame pointer on both.
        VerificationFacts facts = FactsOf("""
            .section tc
            main:
                r8 = *(u32 *)(r1 + 4)
                *(u64 *)(r10 - 8) = 0
                r2 = 1000
                if r8 == 0 goto meet
                r2 = 1
                r9 = 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 += 1
                r9 = 0
            meet:
                r1 = r10
                r1 += -8
                call read
                r0 &= 1
                exit
            read:
                r0 = *(u64 *)(r1 + 0)
                r0 += r2
                exit
            """);

        AccessFact read = facts.AccessAt(18)!.Value;
        Assert.Equal((ValueKind.Stack, -8L, false), (read.Region, (long)read.Offset.Value, read.NeedsCheck));
        Assert.True(facts.RegisterAt(18, Register.R2).Allows(1) && facts.RegisterAt(18, Register.R2).Allows(1000));
    }

    [Fact]
    public void Branches_that_only_go_one_way_and_accesses_to_known_places_are_told()
    {
        VerificationFacts facts = FactsOf("""
            .section xdp
            main:
                r6 = 3
                if r6 > 2 goto on
                r6 = 9
            on:
                r2 = *(u32 *)(r1 + 4)
                r3 = *(u32 *)(r1 + 0)
                r4 = r3
                r4 += 14
                r0 = 2
                if r4 > r2 goto done
                r5 = *(u16 *)(r3 + 12)
            done:
                *(u64 *)(r10 - 16) = 7
                r0 = *(u64 *)(r10 - 16)
                r0 &= 1
                exit
            """);

        Assert.Equal(BranchFact.AlwaysTaken, facts.BranchAt(1));
        Assert.False(facts.IsReached(2));
        Assert.Equal(BranchFact.Both, facts.BranchAt(8));
        AccessFact packet = facts.AccessAt(9)!.Value;
        Assert.Equal((ValueKind.Packet, 12ul, 2, false, false), (packet.Region, packet.Offset.Value, packet.Size, packet.IsWrite, packet.NeedsCheck));
        AccessFact stack = facts.AccessAt(10)!.Value;
        Assert.Equal((ValueKind.Stack, -16L, 8, true), (stack.Region, (long)stack.Offset.Value, stack.Size, stack.IsWrite));
        Assert.Equal((true, 7ul), (facts.RegisterAt(12, Register.R0).IsConstant, facts.RegisterAt(12, Register.R0).Value.Value));
    }

    private static VerificationFacts FactsOf(string text)
    {
        LinkedObject linked = Linker.Link(ObjectAssembler.Assemble(text, "facts.s"), new Target("facts"));
        VerificationReport report = Verifier.Verify(linked, linked.Programs[0], null, new VerificationOptions { Facts = true });
        Assert.Equal((Verdict.Accept, null), (report.Verdict, report.Problem));
        return report.Facts!;
    }
}
