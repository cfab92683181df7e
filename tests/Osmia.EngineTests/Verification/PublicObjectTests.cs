using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Kernel;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>
/// Objects that somebody brings: OSMIA_OBJECTS names a folder, whose own folders are families. Each program is judged here and by the running
/// kernel; totals by family and every difference, grouped by reason, are printed, and written to the file that OSMIA_DIFFERENCES names.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public partial class PublicObjectTests(ITestOutputHelper output)
{
    [Fact]
    public void What_we_accept_of_the_objects_in_a_folder_the_kernel_accepts()
    {
        string folder = Environment.GetEnvironmentVariable("OSMIA_OBJECTS") ?? "";
        Assert.SkipUnless(folder.Length > 0, "needs OSMIA_OBJECTS, a folder of objects");
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var families = new SortedDictionary<string, Totals>(StringComparer.Ordinal);
        var differences = new List<Judgement>();
        foreach (string path in Directory.EnumerateFiles(folder, "*.o", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(folder, path);
            string family = Path.GetDirectoryName(name)!.Split(Path.DirectorySeparatorChar)[0];
            if (!families.TryGetValue(family, out Totals? totals))
            {
                families[family] = totals = new Totals();
            }

            foreach (Judgement judgement in ObjectAgreement.Of(engine, File.ReadAllBytes(path), name))
            {
                totals.Add(judgement);
                if (judgement.IsAsked && !(judgement.Agrees && (judgement.Refusal is null || judgement.KernelSlot == judgement.Ours.Problem!.Slot)))
                {
                    differences.Add(judgement);
                }
            }
        }

        using TextWriter report = Environment.GetEnvironmentVariable("OSMIA_DIFFERENCES") is { Length: > 0 } file ? new StreamWriter(file) : TextWriter.Null;
        foreach ((string family, Totals totals) in families)
        {
            Write($"{family}: {totals}");
        }

        foreach (IGrouping<string, Judgement> group in differences.GroupBy(GroupOf).OrderByDescending(group => group.Count()))
        {
            Write($"\n{group.Count()} x {group.Key}");
            foreach (Judgement judgement in group.Take(12))
            {
                Write($"    {judgement}");
            }
        }

        Assert.Empty(differences.Where(judgement => judgement.Ours.Verdict == Verdict.Accept && judgement.Refusal is not null).Select(judgement => judgement.ToString()));

        void Write(string line)
        {
            output.WriteLine(line);
            report.WriteLine(line);
        }
    }

    /// <summary>Names and numbers taken out, what is left tells reasons apart.</summary>
    private static string GroupOf(Judgement judgement)
    {
        string ours = Particular().Replace(judgement.Ours.Problem?.Message ?? "", "_");
        string kernel = Particular().Replace(judgement.Refusal ?? "", "_");
        return judgement.Agrees ? $"another instruction: ours '{ours}', kernel '{kernel}'" : $"{judgement.Cell}: ours '{ours}'{(kernel.Length > 0 ? $", kernel '{kernel}'" : "")}";
    }

    [GeneratedRegex(@"'[^']*'|-?\b(0x)?[0-9a-f]*\d+\b")]
    private static partial Regex Particular();

    /// <summary>Verdicts beside the kernel's, and the instruction where both refuse.</summary>
    private sealed class Totals
    {
        private int _accepted;
        private int _bothAccept;
        private int _refused;
        private int _bothRefuse;
        private int _samePlace;
        private int _notAsked;

        public void Add(Judgement judgement)
        {
            if (!judgement.IsAsked)
            {
                _notAsked++;
            }
            else if (judgement.Refusal is null)
            {
                _accepted++;
                _bothAccept += judgement.Agrees ? 1 : 0;
            }
            else
            {
                _refused++;
                _bothRefuse += judgement.Agrees ? 1 : 0;
                _samePlace += judgement.Agrees && judgement.KernelSlot == judgement.Ours.Problem!.Slot ? 1 : 0;
            }
        }

        public override string ToString() =>
            $"of {_accepted} that the kernel accepts {_bothAccept}; of {_refused} that it refuses {_bothRefuse}, {_samePlace} of them at the same instruction; {_notAsked} could not be asked";
    }
}
