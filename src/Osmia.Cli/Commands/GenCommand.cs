using System.CommandLine;
using System.Text;
using Osmia.Btf;
using Osmia.Cli.Skeleton;
using Osmia.Cli.Words;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Merging;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia gen object OUTPUT INPUT...</c>, <c>osmia gen min_core_btf INPUT OUTPUT OBJECT...</c> and <c>osmia gen skeleton | subskeleton FILE</c>, with bpftool's words in bpftool's order.</summary>
internal static class GenCommand
{
    private static readonly string[] s_suffixes = [".bpf.o", ".o"];

    public static Command Build()
    {
        var command = new Command("gen", CommandTree.DescriptionOf("gen"));
        command.Add(BuildObject());
        command.Add(BuildMinimalTypes());
        command.Add(BuildSkeleton("skeleton", "Print a C# class that carries an object, with its programs, typed maps and variables: osmia gen skeleton FILE [name NAME] [namespace NAME]", isPart: false));
        command.Add(BuildSkeleton("subskeleton", "Print a C# class for the part that an object is of a loaded one it was linked into: osmia gen subskeleton FILE [name NAME] [namespace NAME]", isPart: true));
        return command;
    }

    private static Command BuildObject()
    {
        var link = new Command("object", "Link objects into one: osmia gen object OUTPUT INPUT...");
        Argument<string> output = new("OUTPUT") { Description = "the object to write" };
        Argument<string[]> inputs = new("INPUT") { Description = "BPF objects compiled by clang (.bpf.o); one alone is written anew", Arity = ArgumentArity.OneOrMore };
        link.Add(output);
        link.Add(inputs);
        link.SetAction(parsed =>
        {
            string path = parsed.GetValue(output)!;
            StaticLinker.Link(NameOf(path), [.. parsed.GetValue(inputs)!.Select(BpfObject.Read)]).Write(path);
            return ExitCode.Success;
        });
        return link;
    }

    private static Command BuildMinimalTypes()
    {
        var reduce = new Command("min_core_btf", "Cut kernel types down to what objects use: osmia gen min_core_btf INPUT OUTPUT OBJECT...");
        Argument<string> input = new("INPUT") { Description = "the kernel's types: a raw BTF file, such as /sys/kernel/btf/vmlinux" };
        Argument<string> output = new("OUTPUT") { Description = "the BTF file to write" };
        Argument<string[]> objects = new("OBJECT") { Description = "BPF objects compiled by clang (.bpf.o)", Arity = ArgumentArity.OneOrMore };
        reduce.Add(input);
        reduce.Add(output);
        reduce.Add(objects);
        reduce.SetAction(parsed =>
        {
            BtfTypes types = BtfCommand.OpenFile(parsed.GetValue(input)!, null);
            BtfTypes reduced = MinimalTypes.Of(types, [.. parsed.GetValue(objects)!.Select(BpfObject.Read)]);
            Write(parsed.GetValue(output)!, reduced.Data);
            return ExitCode.Success;
        });
        return reduce;
    }

    private static Command BuildSkeleton(string verb, string description, bool isPart)
    {
        var skeleton = new Command(verb, description);
        Option<bool> light = new("-L", "--use-loader") { Hidden = true };
        skeleton.Add(light);
        Argument<string[]> words = new("WORDS") { Description = "the object; then name CLASS (default: from the file), namespace NAME (default: none)", HelpName = "FILE [name CLASS] [namespace NAME]", Arity = ArgumentArity.OneOrMore };
        skeleton.Add(words);
        skeleton.SetAction(parsed =>
        {
            if (parsed.GetValue(light))
            {
                throw new UsageException($"gen {verb}: a light skeleton (-L) loads without a library, which a class of Osmia never does");
            }

            var reader = new WordReader($"gen {verb}", parsed.GetValue(words)!);
            string file = reader.Next("the object");
            (string name, string? space) = (SkeletonNames.Pascal(NameOf(file)), null);
            while (!reader.IsAtEnd)
            {
                // The shorter keyword first: it begins the longer one.
                if (reader.Peek() == "namespace" || !reader.Take("name"))
                {
                    reader.Expect("namespace");
                    space = Identifier(reader.Next("the namespace"), mayHaveDots: true);
                }
                else
                {
                    name = Identifier(reader.Next("the class"), mayHaveDots: false);
                }
            }

            BpfObject source = BpfObject.Read(file);
            using Stream output = StandardOutput.Open();
            output.Write(Encoding.UTF8.GetBytes(CSharpSkeleton.Write(source, isPart ? null : File.ReadAllBytes(file), Path.GetFileName(file), name, space)));
            return ExitCode.Success;
        });
        return skeleton;
    }

    private static string Identifier(string name, bool mayHaveDots) =>
        name.Split('.') is var parts && (mayHaveDots || parts.Length == 1) && Array.TrueForAll(parts, part => part.Length > 0 && !char.IsAsciiDigit(part[0]) && part.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_')) ? name
            : throw new UsageException($"gen skeleton: '{name}' is no name in C#");

    private static void Write(string path, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            File.WriteAllBytes(path, bytes.Span);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ObjectFormatException(new Diagnostic("OSM1031", $"'{path}' cannot be written: {e.Message}") { Try = "check the path and your permission to write it" }, inner: e);
        }
    }

    private static string NameOf(string path)
    {
        string name = Path.GetFileName(path);
        string? suffix = Array.Find(s_suffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > suffix.Length);
        return name[..^(suffix?.Length ?? 0)];
    }
}
