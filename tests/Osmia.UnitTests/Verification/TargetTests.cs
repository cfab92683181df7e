using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Verification;

/// <summary>A target is data: what it has not is refused by name, and an application adds what it likes.</summary>
public class TargetTests
{
    private const int Score = Helper.FirstOwnId + 7;

    /// <summary>A program, the first bundled kernel that has what it uses, and the words of the refusal on those before.</summary>
    public static TheoryData<string, string, string> Newer => new()
    {
        { ".section syscall\nmain:\n call bpf_ktime_get_tai_ns\n r0 = 0\n exit", "6.1", "" },
        { ".section tp/sched/sched_switch\nmain:\n call bpf_cgrp_storage_delete\n r0 = 0\n exit", "6.12", "bpf_cgrp_storage_delete is in Linux since 6.2" },
        { ".section netfilter\nmain:\n r0 = 1\n exit", "6.12", "netfilter programs are in Linux since 6.4" },
        { ".section tcx/ingress\nmain:\n r0 = 0\n exit", "6.12", "attach type tcx_ingress is in Linux since 6.6" },
        { ".section xdp\nmain:\n r1 = 1\n r0 = (s8)r1\n exit", "6.12", "instructions of version 4" },
        { ".section xdp\nmain:\n r0 = 2\n gotol done\ndone:\n exit", "6.12", "instructions of version 4" },
        { ".section xdp\nmain:\n r1 = 0\n *(u64 *)(r10 - 8) = r1\n r0 = load_acquire((u64 *)(r10 - 8))\n exit", "6.18", "load-acquire and store-release: in Linux since 6.15" },
    };

    [Theory]
    [MemberData(nameof(Newer))]
    public void What_a_kernel_does_not_have_is_refused_by_name(string text, string first, string refusal)
    {
        bool has = false;
        foreach (string name in BundledTargets.Names)
        {
            has |= name == first;
            VerificationReport report = Judge(text, BundledTargets.Find(name)!);
            string message = report.Problem?.Message ?? "";
            if (has)
            {
                Assert.DoesNotContain("in Linux since", message, StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal((Verdict.Reject, CheckFamily.Allowance), (report.Verdict, report.Problem!.Family));
                Assert.StartsWith(refusal, message, StringComparison.Ordinal);
                Assert.EndsWith($"the target is Linux {name}", message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void An_element_of_an_array_by_a_constant_index_may_be_null_before_Linux_6_14()
    {
        const string text = """
                .map counts type array key 4 value 8 entries 4
                .section xdp
            main:
                r1 = 1
                *(u32 *)(r10 - 8) = r1
                r2 = r10
                r2 += -8
                r1 = counts ll
                call bpf_map_lookup_elem
                r1 = *(u64 *)(r0 + 0)
                r0 = 2
                exit
            """;

        Assert.Equal(Verdict.Reject, Judge(text, BundledTargets.Find("6.12")!).Verdict);
        Assert.Equal(Verdict.Accept, Judge(text, BundledTargets.Find("6.18")!).Verdict);
    }

    [Fact]
    public void The_vm_has_its_own_list_of_helpers()
    {
        using var engine = new VmEngine();
        VerificationReport report = Judge(".section tp/a/b\nmain:\n r1 = 0\n r2 = 0\n r3 = 0\n call bpf_probe_write_user\n r0 = 0\n exit", engine.Target);

        Assert.Equal((Verdict.Reject, "the target has no bpf_probe_write_user: the VM does not have it: it writes memory of a task, and programs here reach their own memory alone"), (report.Verdict, report.Problem?.Message));
    }

    [Fact]
    public void A_target_that_nobody_bundled_is_not_found() => Assert.Null(BundledTargets.Find("5.4"));

    [Theory]
    [InlineData("r2 = *(u32 *)(r1 + 4)\n call 65543\n if r0 > 9 goto high\n exit\nhigh:\n r0 = 9\n exit", Verdict.Accept, "")]
    [InlineData("r2 = *(u32 *)(r1 + 4)\n call 65543\n exit", Verdict.Reject, "the program returns a number from")]
    [InlineData("r1 = 0\n r2 = 0\n call 65543\n r0 = 0\n exit", Verdict.Reject, "r1 of order_score holds a number, not the context")]
    [InlineData("*(u32 *)(r1 + 0) = 7\n r0 = 0\n exit", Verdict.Reject, "4 bytes at offset 0 of field 'id' of order cannot be written")]
    [InlineData("*(u32 *)(r1 + 4) = 7\n r0 = 0\n exit", Verdict.Accept, "")]
    [InlineData("r0 = *(u64 *)(r1 + 8)\n exit", Verdict.Reject, "8 bytes at offset 8 of order, which has no field there,")]
    [InlineData("call bpf_ktime_get_ns\n r0 = 0\n exit", Verdict.Accept, "")]
    [InlineData("call bpf_redirect\n r0 = 0\n exit", Verdict.Reject, "'order' programs cannot call bpf_redirect")]
    [InlineData("call 65544\n r0 = 0\n exit", Verdict.Reject, "'order' programs have no helper 65544")]
    public void An_application_adds_a_program_type_with_a_helper_of_its_own(string code, Verdict verdict, string message)
    {
        ContextLayout order = ContextLayout.Define(
            "order",
            8,
            new ContextField("id", 0, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Owner, ContextUsers.None),
            new ContextField("priority", 4, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Owner, ContextUsers.Owner));
        var target = new Target("shop")
        {
            ProgramTypes =
            [
                new TargetProgramType("order", order)
                {
                    Helpers = [Helper.Define(Score, "order_score", "int", "ctx, any")],
                    HelpersOf = ProgramType.SocketFilter,
                    Returns = new ReturnRange(0, 9),
                },
            ],
        };

        VerificationReport report = Judge(".section order/new\nmain:\n " + code, target);

        Assert.Equal(verdict, report.Verdict);
        Assert.StartsWith(message, report.Problem?.Message ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Own_helpers_and_contexts_must_make_sense()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Helper.Define(5, "mine", "int", ""));
        Assert.Throws<ArgumentOutOfRangeException>(() => Helper.Define(Score, "mine", "int", "any, any, any, any, any, any"));
        Assert.Throws<ArgumentException>(() => ContextLayout.Define("short", 4, new ContextField("wide", 0, 8, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Owner, ContextUsers.None)));
    }

    private static VerificationReport Judge(string text, Target target)
    {
        LinkedObject linked = Linker.Link(ObjectAssembler.Assemble(".license \"GPL\"\n" + text, "target.s"), target);
        return Verifier.Verify(linked, linked.Programs[0], target);
    }
}
