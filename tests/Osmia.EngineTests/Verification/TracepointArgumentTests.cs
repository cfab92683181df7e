using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>Every argument of every tracepoint of the running kernel is read through: our verdict is the kernel's.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class TracepointArgumentTests(ITestOutputHelper output)
{
    private const string Prefix = "btf_trace_";

    [Fact]
    public void Arguments_of_tracepoints_are_judged_as_the_kernel_judges_them()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        Assert.SkipUnless(engine.Target.Types is not null, "needs the kernel's BTF");
        BtfTypes types = engine.Target.Types!;
        var wrong = new List<string>();
        int asked = 0;
        for (int id = 1; id < types.Count; id++)
        {
            BtfType tracepoint = types[id];
            if (tracepoint.Kind != BtfKind.Typedef || !tracepoint.Name.StartsWith(Prefix, StringComparison.Ordinal))
            {
                continue;
            }

            BtfType prototype = types.Resolve(types.Resolve(tracepoint.ReferencedId).ReferencedId);
            for (int argument = 0; argument < prototype.Count - 1; argument++)
            {
                // Eight bytes of a pointer's object, or fewer where its first member is smaller.
                foreach (Size size in (Size[])[Size.Dw, Size.W, Size.H, Size.B])
                {
                    LinkedObject linked = Program(tracepoint, argument, size);
                    VerificationReport ours = Verifier.Verify(linked, linked.Programs[0], engine.Target);
                    if (ours.Verdict == Verdict.Reject && size != Size.B)
                    {
                        continue;
                    }

                    string? refusal = Refusal(engine, linked);
                    asked++;
                    if (refusal is null != (ours.Verdict == Verdict.Accept))
                    {
                        wrong.Add($"{tracepoint.Name[Prefix.Length..]} {argument} {size}: {ours.Verdict} {ours.Problem?.Message}; kernel: {refusal}");
                    }

                    break;
                }
            }
        }

        output.WriteLine($"{asked} arguments");
        wrong.ForEach(output.WriteLine);
        Assert.Equal("", string.Join('\n', wrong));
    }

    private static LinkedObject Program(BtfType tracepoint, int argument, Size size)
    {
        Instruction[] code =
        [
            new(new Opcode(Opcodes.LoadWord64), Register.R1, Register.R1, (short)(argument * 8), 0),
            new(new Opcode((byte)((byte)Mode.Mem | (byte)size | (byte)InstructionClass.Ldx)), Register.R1, Register.R1, 0, 0),
            new(new Opcode(Opcodes.Mov64Immediate), Register.R0, 0, 0, 0),
            new(new Opcode(Opcodes.Exit), 0, 0, 0, 0),
        ];
        var program = new LinkedProgram("argument", SectionTable.Match("tp_btf/" + tracepoint.Name[Prefix.Length..]), [.. code])
        {
            AttachBtfId = tracepoint.Id,
            Functions = [new LinkedFunction(0, "argument", TypeId.Void, true)],
        };
        return new LinkedObject("arguments", [program], [], []) { License = "GPL" };
    }

    private static string? Refusal(KernelEngine engine, LinkedObject linked)
    {
        try
        {
            new ProgramLoader(linked, [], null, [], engine.Target.KernelVersion, LoadOptions.Default).Load(linked.Programs[0]).Dispose();
            return null;
        }
        catch (KernelException e)
        {
            return e.Message.Split('\n')[0];
        }
    }
}
