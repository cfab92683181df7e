using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;

namespace Osmia.Cli.Words;

/// <summary><c>PROG := id N | tag T | name NAME | pinned FILE</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgramWords
{
    public const string Grammar = "{ id N | tag TAG | name NAME | pinned FILE }";

    public static bool IsNext(WordReader words) => words.IsNext("id") || words.IsNext("tag") || words.IsNext("name") || words.IsNext("pinned");

    /// <summary>All programs that the words name; at least one.</summary>
    public static List<ProgramInfo> Find(WordReader words)
    {
        if (words.Take("id"))
        {
            uint id = words.Number("the program's number");
            using KernelProgram program = KernelInventory.OpenProgram(id);
            return [KernelInventory.Describe(program.Handle)];
        }

        if (words.Take("pinned"))
        {
            using BpfHandle handle = PinnedWords.Open(words, ObjectKind.Program);
            return [KernelInventory.Describe(handle)];
        }

        bool isTag = words.Take("tag");
        if (!isTag && !words.Take("name"))
        {
            throw new UsageException($"{words.Verb}: {(words.Peek() is { } word ? $"'{word}' does not begin a program" : "the program is missing")}; name it by {Grammar}");
        }

        string wanted = words.Next(isTag ? "the tag" : "the name");
        List<ProgramInfo> all = [.. KernelInventory.Programs()];
        List<ProgramInfo> found = all.FindAll(program => isTag ? program.Tag.Equals(wanted, StringComparison.OrdinalIgnoreCase) : program.Name == wanted || program.FullName == wanted);
        return found.Count > 0 ? found : throw RunErrors.NoneOfThat("program", isTag ? "tag" : "name", wanted, all.Select(program => isTag ? program.Tag : program.FullName));
    }

    /// <summary>The one program that the words name, opened; the caller disposes it.</summary>
    public static KernelProgram Open(WordReader words)
    {
        if (words.IsNext("pinned"))
        {
            words.Take("pinned");
            return KernelInventory.ToProgram(PinnedWords.Open(words, ObjectKind.Program));
        }

        List<ProgramInfo> found = Find(words);
        return found is [var only] ? KernelInventory.OpenProgram(only.Id)
            : throw RunErrors.SeveralOfThat("program", found[0].FullName, found.Select(program => program.Id));
    }

    public static string Describe(ProgramInfo program) => string.Create(CultureInfo.InvariantCulture, $"{program.Id} {program.Type.ToKernelName()} {program.FullName}");
}
