using System.Globalization;
using Osmia.Btf;

namespace Osmia.Cli.Commands;

internal enum BtfDumpFormat
{
    Raw,
    C,
    CSharp,
}

/// <summary>What follows <c>btf dump</c>: a source, and how to print it. The words are bpftool's; <c>vmlinux</c>, a module's name, <c>type</c> and <c>csharp</c> are ours.</summary>
internal sealed class BtfDumpWords
{
    public const string Grammar = "file F | id N | prog PROG | map MAP [key|value|kv|all] | vmlinux | MODULE  [format raw | c [unsorted] | csharp] [root_id N] [type NAME]";

    public const string Description = "file F (an object or raw BTF), id N (a BTF object of the kernel), prog or map with id N, name NAME, tag T or pinned F, vmlinux or a module's name; "
        + "then format raw|c|csharp, and root_id N or type NAME to choose types";

    private readonly List<string> _rootIds = [];
    private readonly List<string> _rootNames = [];

    public required string[] Source { get; init; }

    public BtfDumpFormat Format { get; private set; }

    public bool IsSorted { get; private set; } = true;

    /// <exception cref="UsageException">The words follow no grammar.</exception>
    public static BtfDumpWords Parse(string[] words)
    {
        int length = words switch
        {
            ["vmlinux", ..] => 1,
            ["file", _, ..] => 2,
            ["id", var id, ..] when IsNumber(id) => 2,
            ["prog" or "map", "id", var id, ..] when !IsNumber(id) => throw Usage(),
            ["prog", "id" or "tag" or "name" or "pinned", _, ..] => 3,
            ["map", "id" or "name" or "pinned", _, "key" or "value" or "kv" or "all", ..] => 4,
            ["map", "id" or "name" or "pinned", _, ..] => 3,
            [var module, ..] when !module.Contains('/') && File.Exists("/sys/kernel/btf/" + module) => 1,
            _ => throw Usage(),
        };
        string[] source = words[..length] is [not "vmlinux" and var name] ? ["file", "/sys/kernel/btf/" + name] : words[..length];
        var request = new BtfDumpWords { Source = source };
        for (ReadOnlySpan<string> rest = words.AsSpan(length); !rest.IsEmpty;)
        {
            rest = rest[request.Take(rest)..];
        }

        return request;
    }

    public bool HasRoots => _rootIds.Count + _rootNames.Count > 0;

    /// <summary>The types chosen by number or name; a name chooses every type that has it.</summary>
    public IEnumerable<TypeId> Roots(BtfTypes types)
    {
        foreach (string number in _rootIds)
        {
            uint id = uint.Parse(number, CultureInfo.InvariantCulture);
            yield return id > 0 && id < types.Count ? new TypeId((int)id) : throw new UsageException($"there is no type {id}: ids go from 1 to {types.Count - 1}");
        }

        foreach (string name in _rootNames)
        {
            bool isFound = false;
            foreach (int id in types.FindAll([name])[name])
            {
                isFound |= types[id].Name == name;
                if (types[id].Name == name)
                {
                    yield return new TypeId(id);
                }
            }

            if (!isFound)
            {
                throw new UsageException($"there is no type named '{name}'");
            }
        }
    }

    private int Take(ReadOnlySpan<string> words)
    {
        switch (words)
        {
            case ["format", "raw", ..]:
                Format = BtfDumpFormat.Raw;
                return 2;
            case ["format", "c", "unsorted", ..]:
                (Format, IsSorted) = (BtfDumpFormat.C, false);
                return 3;
            case ["format", "c", ..]:
                Format = BtfDumpFormat.C;
                return 2;
            case ["format", "csharp", ..]:
                Format = BtfDumpFormat.CSharp;
                return 2;
            case ["root_id", var number, ..] when IsNumber(number):
                _rootIds.Add(number);
                return 2;
            case ["type", var name, ..]:
                _rootNames.Add(name);
                return 2;
            default:
                throw Usage();
        }
    }

    private static bool IsNumber(string word) => uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static UsageException Usage() => new($"btf dump takes: {Grammar}");
}
