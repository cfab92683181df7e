using System.Reflection;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Verification.State;

namespace Osmia.Tests.Verification;

/// <summary>What is walked again and what is not: as in the kernel, so that what it has patience for we have, too.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class PatienceTests(ITestOutputHelper output)
{
    [Fact]
    public void As_many_instructions_are_walked_as_the_kernel_walks()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        long ours = 0;
        long theirs = 0;
        int same = 0;
        int programs = 0;
        foreach (string path in Directory.EnumerateFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories).Order())
        {
            LinkedObject linked = Linker.Link(BpfObject.Read(File.ReadAllBytes(path), Path.GetFileName(path)), engine.Target);
            if (Kernel.KernelTest.LoadUnlessRefused(engine, linked) is not { } loaded)
            {
                output.WriteLine($"{Path.GetFileName(path)}: this machine refuses its kind of program");
                continue;
            }

            using LoadedObject present = loaded;
            for (int i = 0; i < linked.Programs.Length; i++)
            {
                VerificationReport report = Verifier.Verify(linked, linked.Programs[i], engine.Target);
                long walked = ((KernelProgram)loaded.Programs[i]).VerifiedInstructions;
                ours += report.InstructionsProcessed;
                theirs += walked;
                programs++;
                same += walked == report.InstructionsProcessed ? 1 : 0;
                if (walked != report.InstructionsProcessed)
                {
                    output.WriteLine($"{linked.Programs[i].Name}: {walked} there, {report.InstructionsProcessed} here");
                }
            }
        }

        output.WriteLine($"{programs} programs, {same} of them the same to one: {theirs} instructions there, {ours} here");
        Assert.True(programs > 20);
        // Kernels differ from each other, too: near is enough.
        Assert.InRange(ours, theirs * 3 / 4, theirs * 5 / 4);
    }

    /// <summary>A field that a comparison forgets would let different pointers pass for the same.</summary>
    [Fact]
    public void Pointers_that_differ_in_any_field_are_not_alike()
    {
        string[] lookedAtElsewhere = ["Kind", "Traits", "Number", "Id", "ReferenceId", "Range", "IsSum", "LinksLow", "Owner"];
        var forgotten = new List<string>();
        foreach (FieldInfo field in typeof(RegisterState).GetFields(BindingFlags.Instance | BindingFlags.Public))
        {
            if (lookedAtElsewhere.Contains(field.Name))
            {
                continue;
            }

            object changed = RegisterState.Pointer(RegisterKind.Memory);
            object? value = field.FieldType == typeof(bool) ? true : field.FieldType.IsEnum ? Enum.ToObject(field.FieldType, 1) : Convert.ChangeType(1, field.FieldType, null);
            field.SetValue(changed, value);
            if (RegisterState.AreAlike(RegisterState.Pointer(RegisterKind.Memory), (RegisterState)changed))
            {
                forgotten.Add(field.Name);
            }
        }

        Assert.Equal([], forgotten);
    }
}
