using Osmia.Objects.Sections;

namespace Osmia.Objects.Diagnostics;

/// <summary>The OSM2xxx family.</summary>
internal static class LinkErrors
{
    public static RelocationException NoTargetTypes(string target, string? reason, string where) => new(new Diagnostic("OSM2001", $"target '{target}' has no BTF, but the program has CO-RE relocations")
    {
        Where = where,
        Why = reason ?? "field offsets can only be resolved against the target's types",
        Try = "run it on a kernel with CONFIG_DEBUG_INFO_BTF=y (/sys/kernel/btf/vmlinux)",
    });

    public static Diagnostic Unresolved(string relocation, string where, string why, string remedy) => new("OSM2002", $"{relocation} not found in the target BTF")
    {
        Where = where,
        Why = why,
        Try = remedy,
    };

    public static RelocationException Ambiguous(string relocation, string where, IReadOnlyList<string> candidates) => new(
        new Diagnostic("OSM2003", $"{relocation} is ambiguous in the target BTF")
        {
            Where = where,
            Why = $"types of the same name give different answers: {string.Join(", ", candidates)}",
            Try = "name the type you mean with a member that only one of them has",
        },
        candidates);

    /// <param name="isKnownElsewhere">The kernel has it, and the target is none.</param>
    public static RelocationException Extern(string symbol, string where, string why, IReadOnlyList<string> nearest, bool isKnownElsewhere = false) => new(
        new Diagnostic("OSM2004", $"external symbol '{symbol}' cannot be resolved")
        {
            Where = where,
            Why = why,
            Try = $"{(isKnownElsewhere ? "run the program in the kernel engine" : "correct its name")}, or declare it __weak and ask bpf_ksym_exists() before it is used",
        },
        nearest);

    public static RelocationException OtherObject(string symbol, ExternKind kind, string where) => new(new Diagnostic("OSM2004", $"external symbol '{symbol}' cannot be resolved")
    {
        Where = where,
        Why = $"it is a {kind.ToString().ToLowerInvariant()} of another object: it is declared extern without __ksym or __kconfig, and nothing in this object defines it",
        Try = "link the objects into one first, or declare a symbol of the kernel with __ksym and compile with -g",
    });

    public static Diagnostic WeakExtern(string symbol, string what, string target, string why) => new("OSM2030", $"weak {what} '{symbol}' is not there on target '{target}'")
    {
        Why = why,
        Try = "call it only where bpf_ksym_exists() says it is there",
    };

    public static Diagnostic ExternType(string symbol, string what, string where, string target, string declared, string actual) => new("OSM2031", $"{what} '{symbol}' is another one on target '{target}' than the object declares")
    {
        Where = where,
        Why = $"declared: {declared}; the target's: {actual}",
        Try = "declare it as the target does, and define the structs it points to; several forms can be told apart by flavours (NAME___old, NAME___new), both __weak",
    };

    public static RelocationException AmbiguousExtern(string symbol, string where, string target, IReadOnlyList<ulong> addresses) => new(
        new Diagnostic("OSM2032", $"target '{target}' has {addresses.Count} symbols named '{symbol}'")
        {
            Where = where,
            Why = $"they stand at {string.Join(", ", addresses.Take(4).Select(address => $"0x{address:x}"))}, and an address alone does not say which one is meant",
            Try = "declare it with its type, so that it is found in BTF, or use another symbol",
        });

    public static RelocationException Configuration(string name, string target) => new(new Diagnostic("OSM2011", $"'{name}' is not known of target '{target}'")
    {
        Where = "section .kconfig",
        Why = "the target's configuration has no such value, or cannot be read",
        Try = "declare it __weak, so that it is zero where it is missing; /proc/config.gz or /boot/config-RELEASE has the running kernel's",
    });

    public static RelocationException ConfigurationValue(string name, string text, string target) => new(new Diagnostic("OSM2012", $"'{name}' is {text} on target '{target}', which does not fit its type")
    {
        Where = "section .kconfig",
        Try = "declare it with the type of its values: bool or an enum for y, n and m, an integer for numbers, a char array for text",
    });

    public static UnsupportedFeatureException BigEndian(string name) => new(
        new Diagnostic("OSM2005", $"object '{name}' is big-endian")
        {
            Why = "every host Osmia runs on is little-endian; big-endian objects are only read and shown",
            Try = "compile it with -target bpf (or bpfel)",
        },
        "big-endian objects",
        "linker");

    public static UnsupportedFeatureException JumpTable(string table, string name, int slot) => new(
        new Diagnostic("OSM2013", $"jump table '{table}' of object '{name}' cannot be linked")
        {
            Where = $"section .jumptables, used by instruction {slot} of its function",
            Why = "indirect jumps (gotox) go by a table that becomes a map of type insn_array, which Linux has from 7.0 on; Osmia reads and shows them",
            Try = "compile with -fno-jump-tables",
        },
        "jump tables",
        "linker");

    public static RelocationException NoAttachType(string program, string section, string wanted, string target, IReadOnlyList<string> nearest) => new(
        new Diagnostic("OSM2006", $"'{wanted}' is not a type of target '{target}'")
        {
            Where = $"program '{program}', section \"{section}\"",
            Why = nearest.Count > 0 ? $"the closest are {string.Join(", ", nearest)}" : "the target has nothing of a similar name",
            Try = "correct the name after the slash of the section name; tracepoints are listed in /sys/kernel/tracing/available_events",
        },
        nearest);

    public static RelocationException BadInstruction(string relocation, string where, string why) => new(new Diagnostic("OSM2007", $"{relocation} cannot be written into its instruction")
    {
        Where = where,
        Why = why,
        Try = "compile with clang 14 or newer; ask for offsets that are too large with bpf_core_field_offset()",
    });

    public static Diagnostic ChangedField(string field, string where, string why) => new("OSM2033", $"field `{field}` is not on the target what it is in the object")
    {
        Where = where,
        Why = why,
        Try = "read it with BPF_CORE_READ_BITFIELD_PROBED(), or declare a flavour with the target's type and choose by bpf_core_field_size()",
    };

    public static RelocationException NoExceptionCallback(string program, string callback) => new(new Diagnostic("OSM2034", $"exception callback '{callback}' of program '{program}' is not a function of the object")
    {
        Where = $"declaration tag exception_callback:{callback}",
        Why = "the callback must be a global function of section .text that is not hidden",
        Try = "define it: __noinline int NAME(u64 cookie), without static",
    });

    public static Diagnostic MapLeftOut(string map, string function, int slot) => new("OSM2035", $"map '{map}' is left out, and the program uses it")
    {
        Where = $"function '{function}', instruction {slot}",
        Why = "its AutoCreate is false; the instruction was replaced by one that the kernel refuses if the program can reach it",
        Try = "create the map, or leave the program out too",
    };

    public static RelocationException StructOps(string map, string target, string why, IReadOnlyList<string> nearest) => new(
        new Diagnostic("OSM2036", $"callbacks '{map}' are not for target '{target}'")
        {
            Where = $"map '{map}'",
            Why = nearest.Count > 0 ? $"{why}; it has {string.Join(", ", nearest)}" : why,
            Try = "use a struct that the kernel lets programs implement (struct_ops), or leave the map out (SEC(\"?.struct_ops\"))",
        },
        nearest);

    public static RelocationException StructOpsMember(string map, string member, string target, string why, IReadOnlyList<string> nearest) => new(
        new Diagnostic("OSM2037", $"member `{member}` of callbacks '{map}' cannot be set on target '{target}'")
        {
            Where = $"map '{map}'",
            Why = nearest.Count > 0 ? $"{why}; the closest are {string.Join(", ", nearest)}" : why,
            Try = "declare the member as the target's struct has it, or leave it unset",
        },
        nearest);

    public static RelocationException Reached(Diagnostic missing, string program) => new(missing with
    {
        Why = $"{missing.Why}; every way through program '{program}' comes to this instruction, so no kernel would load it",
    });

    public static RelocationException BadSlot(string map, int index, string name, string kind) => new(new Diagnostic("OSM2008", $"element {index} of map '{map}' names '{name}', which is no {kind} of the object that will be loaded")
    {
        Try = $"load the {kind} too, or take it out of the map's values",
    });

    public static RelocationException UnknownSection(string program, string section) => new(new Diagnostic("OSM2009", $"section name \"{section}\" is not known")
    {
        Where = $"program '{program}'",
        Why = Nearest(section) is { Length: > 0 } nearest ? $"the closest known names are {nearest}" : "nothing known resembles it",
        Try = "use a libbpf section name such as xdp, tp/CATEGORY/EVENT, tp_btf/EVENT, cgroup/connect4",
    });

    public static RelocationException TooLarge(string name, string program, int limit) => new(new Diagnostic("OSM2010", $"the linked programs of object '{name}' have more than {limit} instructions and line records")
    {
        Where = $"program '{program}'",
        Why = "subprograms are copied behind every program that calls them; an object of this size is more likely damaged than written",
        Try = "load fewer of its programs at a time",
    });

    private static string Nearest(string section)
    {
        string stem = section.TrimStart('?').Split('/')[0];
        return string.Join(", ", Similarity.Nearest(stem, SectionTable.Patterns.Select(pattern => pattern.TrimEnd('+')), 3));
    }
}

/// <summary>Names that resemble a mistyped one, nearest first: what "did you mean" is made of.</summary>
public static class Similarity
{
    private const int MaximumLength = 256;

    public static IReadOnlyList<string> Nearest(string wanted, IEnumerable<string> names, int count)
    {
        // Names of objects may be of any length; resemblance is sought in the first part of very long ones.
        wanted = wanted.Length > MaximumLength ? wanted[..MaximumLength] : wanted;
        int limit = Math.Max(2, wanted.Length / 3);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var found = new List<(string Name, int Distance)>();
        foreach (string name in names)
        {
            bool isNear = Math.Abs(name.Length - wanted.Length) <= limit;
            bool isPart = wanted.Length >= 4 && name.Length > wanted.Length && name.Contains(wanted, StringComparison.Ordinal);
            if ((isNear || isPart) && seen.Add(name) && (isNear ? Distance(wanted, name) : int.MaxValue) is var distance && (distance <= limit || isPart))
            {
                found.Add((name, distance));
            }
        }

        return [.. found.OrderBy(pair => pair.Distance).ThenBy(pair => pair.Name, StringComparer.Ordinal).Take(count).Select(pair => pair.Name)];
    }

    /// <summary>Levenshtein distance.</summary>
    public static int Distance(string left, string right)
    {
        Span<int> row = right.Length < 512 ? stackalloc int[right.Length + 1] : new int[right.Length + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int previous = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (left[i - 1] == right[j - 1] ? 0 : 1));
                diagonal = previous;
            }
        }

        return row[^1];
    }
}
