using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;
using Osmia.Vm.Kfuncs;

namespace Osmia.Tests;

/// <summary>docs/support.md says what the tables in the code say.</summary>
public partial class SupportPageTests
{
    private static readonly string[] s_lines = File.ReadAllLines(RepositoryFiles.PathOf("docs", "support.md"));

    [Fact]
    public void The_helpers_of_the_vm_are_those_of_its_table()
    {
        Dictionary<string, string> kinds = VmHelpers.Supported.ToDictionary(helper => HelperTable.NameOf((int)helper.Id).Replace("bpf_", "", StringComparison.Ordinal), helper => KindName(helper.Kinds));
        Dictionary<string, string> listed = s_lines.SkipWhile(line => line != "| programs | helpers |").Skip(2).TakeWhile(line => line.StartsWith('|'))
            .SelectMany(line => Names().Matches(line).Select(name => (name.Groups[1].Value, Kind: line.Split('|')[1].Trim())))
            .ToDictionary(pair => pair.Value, pair => pair.Kind);
        Assert.Equal(kinds.OrderBy(pair => pair.Key, StringComparer.Ordinal), listed.OrderBy(pair => pair.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void The_kernel_functions_of_the_vm_are_those_of_its_table()
    {
        string listed = s_lines.Single(line => line.StartsWith("Kernel functions (kfuncs", StringComparison.Ordinal));
        Assert.Equal(VmKfuncs.Supported, Names().Matches(listed).Select(name => name.Groups[1].Value));
        Assert.All(VmKfuncs.Supported, name => Assert.NotNull(KfuncTable.Find(name)));
    }

    [Fact]
    public void The_map_types_of_the_vm_are_those_it_does_not_refuse()
    {
        using var engine = new VmEngine();
        IEnumerable<string> there = Enum.GetValues<MapType>().Where(IsThere).Select(type => type.ToKernelName());
        string listed = string.Join(' ', s_lines.SkipWhile(line => !line.StartsWith("Map types:", StringComparison.Ordinal)).TakeWhile(line => line.Length > 0)).Split(". The")[0];
        Assert.Equal(there.Order(StringComparer.Ordinal), Names().Matches(listed).Select(name => name.Groups[1].Value).Order(StringComparer.Ordinal));

        bool IsThere(MapType type)
        {
            try
            {
                engine.CreateMap(new LinkedMap(0, "m", type, 4, 4, 4, 0)).Dispose();
            }
            catch (UnsupportedFeatureException)
            {
                return false;
            }
            catch (BpfException)
            {
                // The sizes are wrong, the type is known.
            }

            return true;
        }
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void The_attach_kinds_of_the_kernel_are_those_of_its_table()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        IEnumerable<(string, string)> rows = [.. Osmia.Kernel.Links.AttachTable.Rows.Select(Described)];
        IEnumerable<(string, string)> listed = s_lines.SkipWhile(line => !line.StartsWith("| attach kind", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Split('|')).Select(cells => (cells[1].Trim(), string.Join(' ', Names().Matches(cells[3]).Select(name => name.Groups[1].Value))));
        Assert.Equal(rows, listed);
    }

    [SupportedOSPlatform("linux")]
    private static (string Name, string Programs) Described(Osmia.Kernel.Links.AttachRow row) => (row.Name, string.Join(' ', row.Fits.Select(type => type.ToKernelName())));

    private static string KindName(ProgramKind kinds) => kinds == ProgramKind.All ? "All" : kinds == ProgramKind.Skb ? "Skb" : kinds.ToString();

    [GeneratedRegex("`([a-z0-9_]+)`")]
    private static partial Regex Names();
}
