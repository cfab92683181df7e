using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Assembly;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Tables;

/// <summary>The table of kernel functions beside the running kernel: who may call what, and which of them sleep.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class KfuncTableTests(ITestOutputHelper output)
{
    // One section of each set of callers the kernel tells apart, as far as it loads without anything else.
    private static readonly string[] s_sections =
    [
        "socket", "kprobe/do_exit", "tc", "tracepoint/sched/sched_switch", "xdp", "cgroup_skb/ingress", "cgroup/getsockopt", "sockops", "lwt_in", "sk_skb", "raw_tp/sched_switch",
        "tp_btf/sched_switch", "iter/task", "syscall", "netfilter",
    ];

    [Fact]
    public void Callers_and_sleepers_are_those_of_the_running_kernel()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        Assert.SkipUnless(engine.Target.KernelVersion >> 8 == 0x0612, "the table is that of Linux 6.18");
        BtfTypes types = engine.Target.Types!;
        var wrong = new List<string>();
        int asked = 0;
        foreach (string section in s_sections)
        {
            LinkedObject plain = Linker.Link(ObjectAssembler.Assemble($"    .license \"GPL\"\n    .section {section}\nmain:\n    r0 = 0\n    r0 = 0\n    exit\n", "calls.s"), engine.Target);
            LinkedProgram program = plain.Programs[0];
            foreach (Kfunc kfunc in KfuncTable.All)
            {
                TypeId id = types.Find(BtfKind.Function, kfunc.Name);
                if (id.IsVoid)
                {
                    continue;
                }

                asked++;
                Instruction call = new Instruction(new Opcode(Opcodes.Call), 0, 0, id.Value).WithSourceKind(CallKind.Kfunc);
                LinkedObject calling = plain with { Programs = [program with { Instructions = program.Instructions.SetItem(0, call) }] };
                string answer = Answer(engine, calling);
                bool mayCall = !answer.Contains("is not allowed", StringComparison.Ordinal);
                bool mustSleep = answer.Contains("must be sleepable", StringComparison.Ordinal);
                if (mayCall != kfunc.AllowsCaller(program.Type, program.AttachType))
                {
                    wrong.Add($"{kfunc.Name} in {section}: {(mayCall ? "may be called" : "may not be called")}");
                }
                else if (mayCall && !program.Section.IsSleepable && mustSleep != kfunc.Has(KfuncTraits.Sleeps))
                {
                    wrong.Add($"{kfunc.Name} {(mustSleep ? "sleeps" : "does not sleep")}");
                }
            }
        }

        output.WriteLine($"{asked} calls tried");
        Assert.Equal("", string.Join('\n', wrong));
    }

    private static string Answer(KernelEngine engine, LinkedObject linked)
    {
        try
        {
            engine.Load(linked, Runtime.LoadOptions.Default).Dispose();
            return "";
        }
        catch (KernelException e)
        {
            return e.VerifierLog ?? "";
        }
    }
}
