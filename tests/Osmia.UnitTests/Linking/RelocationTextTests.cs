using System.Text;
using Osmia.Btf;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Linking;

/// <summary>What people are told when something does not resolve, word by word.</summary>
public class RelocationTextTests
{
    [Theory]
    [InlineData("local.c", "target.c", "renamed", "absent", "flavour_gone", "grown_signed", "ambiguous", "color_gone_value", "nearest_type", "nearest_enumerator")]
    [InlineData("shapes.c", "shapes-target.c", "array_shorter", "load_to_array", "load_pointer_number", "guarded", "load_far", "enum_gone_value", "load_choice_grows", "kinds_read", "alias_lost", "row_lost")]
    [InlineData("symbols.c", "kernel.c", "missing_function", "missing_variable", "missing_address", "another_shape", "another_type", "ambiguous_address", "another_object", "weak_other_shape", "weak_function", "module_absent")]
    [InlineData("reached.c", "target.c", "reached_at_once", "reached_weak_call", "perhaps")]
    public void Failed_relocations_are_told_in_full(string local, string kernel, params string[] programs)
    {
        BtfTypes types = TargetTypes.Compile("clang-19", "Linking/Sources/" + kernel);
        var text = new StringBuilder();
        foreach (string name in programs)
        {
            BpfObject source = Toolchain.Read("clang-19", "Linking/Sources/" + local, "-mcpu=v3", "-Wno-everything");
            Assert.NotNull(source.FindProgram(name));
            source.Programs.ToList().ForEach(program => program.AutoLoad = program.Name == name);
            var target = new Target("our own", () => types)
            {
                SymbolAddresses = symbol => symbol == "twice" ? [0x10, 0x20] : [],
                SymbolNames = () => ["table", "tables"],
            };
            try
            {
                IEnumerable<Diagnostic> missing = Linker.Link(source, target).Programs.Single().Unresolved.Select(unresolved => unresolved.Diagnostic);
                text.Append("# ").Append(name).Append(" is linked, and poisoned\n").AppendJoin('\n', missing).Append("\n\n");
            }
            catch (RelocationException refusal)
            {
                text.Append("# ").Append(name).Append(" is refused\n").Append(refusal.Message).Append("\n\n");
            }
        }

        GoldenFile.Check(text.ToString().Replace(RepositoryFiles.Root.TrimEnd('/') + "/", "", StringComparison.Ordinal), "Linking", "Data", Path.GetFileNameWithoutExtension(local) + ".txt");
    }
}
