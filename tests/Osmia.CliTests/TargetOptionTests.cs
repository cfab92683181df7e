namespace Osmia.Tests;

/// <summary><c>--target</c> names a kernel that need not run here, the VM, or a file of types.</summary>
public class TargetOptionTests
{
    private const string Newer = ".license \"GPL\"\n.section tp/sched/sched_switch\nmain:\n call bpf_cgrp_storage_delete\n r0 = 0\n exit\n";

    [Theory]
    [InlineData("6.1", 1, "bpf_cgrp_storage_delete is in Linux since 6.2; the target is Linux 6.1")]
    [InlineData("6.12", 1, "r1 of bpf_cgrp_storage_delete holds the context, not a map")]
    [InlineData("vm", 1, "r1 of bpf_cgrp_storage_delete holds the context, not a map")]
    [InlineData("nosuch", 1, "OSM1015")]
    public void Programs_are_judged_for_the_target(string target, int expected, string message)
    {
        string folder = Directory.CreateTempSubdirectory("osmia-target-").FullName;
        try
        {
            string source = Path.Combine(folder, "newer.s");
            string made = Path.Combine(folder, "newer.o");
            File.WriteAllText(source, Newer);
            Assert.Equal(0, OsmiaCommand.Run("asm", source, "-o", made).ExitCode);

            (int exitCode, string output, string error) = OsmiaCommand.Run("verify", made, "--target", target);

            Assert.Equal(expected, exitCode);
            Assert.Contains(message, output + error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
