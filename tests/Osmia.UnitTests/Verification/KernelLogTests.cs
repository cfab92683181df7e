using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Tests.Verification;

/// <summary>Logs of kernels from 5.x on tell the same story, and ours has their form.</summary>
public class KernelLogTests
{
    private const string Program = """
        .map table type hash key 4 value 256 entries 1
        .section socket
        main:
            r6 = *(u32 *)(r1 + 0)
            r1 = 0
            *(u32 *)(r10 - 4) = r1
            r2 = r10
            r2 += -4
            r1 = table ll
            call bpf_map_lookup_elem
            if r0 == 0 goto done
            if r6 > 64 goto done
            r6 <<= 2
            r0 += r6
            r0 = *(u32 *)(r0 + 0)
        done:
            r0 = 0
            exit
        """;

    // As Linux 5.10 writes it: numbers are inv(), bounds have long names, states stand before the instruction, on lines of their own.
    private const string Old = """
        func#0 @0
        0: R1=ctx(id=0,off=0,imm=0) R10=fp0
        0: (61) r6 = *(u32 *)(r1 +0)
        1: R1=ctx(id=0,off=0,imm=0) R6_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
        1: (b7) r1 = 0
        2: R1_w=invP0 R6_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0
        2: (63) *(u32 *)(r10 -4) = r1
        3: R1_w=invP0 R6_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0 fp-8=0000????
        3: (bf) r2 = r10
        4: (07) r2 += -4
        5: (18) r1 = 0xffff888100000000
        7: (85) call bpf_map_lookup_elem#1
        8: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=256,imm=0) R6_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0 fp-8=mmmm????
        8: (15) if r0 == 0x0 goto pc+4
         R0_w=map_value(id=0,off=0,ks=4,vs=256,imm=0) R6_w=inv(id=0,umax_value=4294967295,var_off=(0x0; 0xffffffff)) R10=fp0 fp-8=mmmm????
        9: (25) if r6 > 0x40 goto pc+3
         R0_w=map_value(id=0,off=0,ks=4,vs=256,imm=0) R6_w=inv(id=0,umax_value=64,var_off=(0x0; 0x7f)) R10=fp0 fp-8=mmmm????
        10: (67) r6 <<= 2
        11: R0_w=map_value(id=0,off=0,ks=4,vs=256,imm=0) R6_w=inv(id=0,umax_value=256,var_off=(0x0; 0x1fc),s32_max_value=508,u32_max_value=508) R10=fp0 fp-8=mmmm????
        11: (0f) r0 += r6
        12: R0_w=map_value(id=0,off=0,ks=4,vs=256,umax_value=256,var_off=(0x0; 0x1fc),s32_max_value=508,u32_max_value=508) R6_w=invP(id=0,umax_value=256,var_off=(0x0; 0x1fc)) R10=fp0
        12: (61) r0 = *(u32 *)(r0 +0)
        invalid access to map value, value_size=256 off=256 size=4
        R0 max value is outside of the allowed memory range
        processed 12 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
        """;

    // As Linux 6.18 writes it: the state behind the instruction, on its line.
    private const string New = """
        0: R1=ctx() R10=fp0
        0: (61) r6 = *(u32 *)(r1 +0)          ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
        1: (b7) r1 = 0                        ; R1=0
        2: (63) *(u32 *)(r10 -4) = r1
        mark_precise: frame0: last_idx 2 first_idx 0 subseq_idx -1
        3: R1=0 R10=fp0 fp-8=0000????
        3: (bf) r2 = r10                      ; R2=fp0 R10=fp0
        4: (07) r2 += -4                      ; R2=fp-4
        5: (18) r1 = 0xffff888100000000       ; R1=map_ptr(map=table,ks=4,vs=256)
        7: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=table,ks=4,vs=256)
        8: (15) if r0 == 0x0 goto pc+4        ; R0=map_value(map=table,ks=4,vs=256)
        9: (25) if r6 > 0x40 goto pc+3        ; R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=64,var_off=(0x0; 0x7f))
        10: (67) r6 <<= 2                     ; R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=256,var_off=(0x0; 0x1fc))
        11: (0f) r0 += r6                     ; R0=map_value(map=table,ks=4,vs=256,smin=smin32=0,smax=umax=smax32=umax32=256,var_off=(0x0; 0x1fc)) R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=256,var_off=(0x0; 0x1fc))
        12: (61) r0 = *(u32 *)(r0 +0)
        invalid access to map value, value_size=256 off=256 size=4
        R0 max value is outside of the allowed memory range
        verification time 90 usec
        stack depth 4
        processed 12 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
        """;

    [Theory]
    [InlineData(Old)]
    [InlineData(New)]
    public void A_kernels_refusal_is_explained_from_its_log(string log)
    {
        LinkedObject linked = Linked(Program);
        Explanation explanation = Explainer.ExplainKernelLog(linked, linked.Programs[0], null, log)!;

        Assert.Equal(("OSM3005", 12), (explanation.Id, explanation.Slot));
        Assert.Equal("index = 64: bytes 256 to 259 of 256", explanation.Witness);
        Assert.Equal("if (index >= 64) return 0;", explanation.Try[0]);
        Assert.Equal([0, 7, 9, 10, 11, 12], explanation.Story.Select(step => step.Slot).Except([8]));
    }

    [Fact]
    public void Ways_put_aside_are_told_apart_in_a_log_of_all_paths()
    {
        const string text = """
            .section socket
            main:
                r2 = *(u32 *)(r1 + 0)
                if r2 > 5 goto skip
                r6 = 7
            skip:
                r0 = r6
                exit
            """;
        const string log = """
            0: R1=ctx() R10=fp0
            0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
            1: (25) if r2 > 0x5 goto pc+1         ; R2=scalar(smin=smin32=0,smax=umax=smax32=umax32=5,var_off=(0x0; 0x7))
            2: (b7) r6 = 7                        ; R6=7
            3: (bf) r0 = r6                       ; R0=7 R6=7
            4: (95) exit

            from 1 to 3: R1=ctx() R2=scalar(smin=umin=6,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0
            3: R1=ctx() R2=scalar(smin=umin=6,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0
            3: (bf) r0 = r6
            R6 !read_ok
            processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
            """;
        LinkedObject linked = Linked(text);
        Explanation explanation = Explainer.ExplainKernelLog(linked, linked.Programs[0], null, log)!;

        Assert.Equal(("OSM3003", 3), (explanation.Id, explanation.Slot));
        Assert.Equal([(1, true, "r2 > 5")], explanation.Path.Select(decision => (decision.Slot, decision.IsTaken, decision.Text)));
        Assert.Contains(explanation.Story, step => step is { Kind: StoryKind.Branch, Slot: 1 });
    }

    [Fact]
    public void Our_log_has_the_kernels_form()
    {
        LinkedObject linked = Linked(Program);
        VerificationReport report = Verifier.Verify(linked, linked.Programs[0], null, new VerificationOptions { LogLevel = 1 });
        string[] ours = Lines(report.Log);
        string[] kernel = Lines(New.Replace("0xffff888100000000 ", "map[idx:0]         ", StringComparison.Ordinal));

        Assert.Equal(kernel, ours);
        Assert.Contains("\nprocessed ", report.Log, StringComparison.Ordinal);

        // Up to the complaint, which each words in its own way; the kernel's talk of its own work stands between the lines.
        static string[] Lines(string log) => [.. log.ReplaceLineEndings("\n")
            .Replace(" = r1\nmark_precise: frame0: last_idx 2 first_idx 0 subseq_idx -1\n3: ", " = r1         ; ", StringComparison.Ordinal)
            .Split('\n').TakeWhile(line => !line.StartsWith("12: ", StringComparison.Ordinal)).Where(line => !line.StartsWith(';'))];
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("0: (b7) r0 = 0\n1: (95) exit\nprocessed 2 insns (limit 1000000)")]
    [InlineData("from a to b: R1=((((\n99999: (61) r0 = r1\nR1 !read_ok")]
    [InlineData("7: R0=scalar(umax=,var_off=(;)) R1_w=fp[ fp-x=mm refs=,\nfrom 3 to 4\nframe9: R1=\nR0 invalid mem access 'scalar'")]
    public void A_log_without_a_known_complaint_has_no_explanation_and_does_no_harm(string log)
    {
        LinkedObject linked = Linked(Program);
        Explanation? explanation = Explainer.ExplainKernelLog(linked, linked.Programs[0], null, log);

        Assert.True(explanation is null || explanation.Story.Count == 0, explanation?.ToString());
    }

    private static LinkedObject Linked(string text) => Linker.Link(ObjectAssembler.Assemble(text, "log.s"), new Target("log"));
}
