using Osmia.Objects.Diagnostics;

namespace Osmia.Runtime.Decoding;

/// <summary>What is said when the records of a buffer cannot be read as a struct.</summary>
internal static class RecordErrors
{
    private const int ListedNames = 12;

    public static Diagnostic NoTypes(string file, string map) => new("OSM1101", $"the records of map '{map}' cannot be decoded")
    {
        Where = $"object '{file}'",
        Why = "the object has no BTF that describes its structs",
        Try = "compile it with clang -g",
    };

    public static Diagnostic NoSuchStruct(string map, string wanted, bool tagged, IEnumerable<string> structs) =>
        new("OSM1102", $"struct '{wanted}' is not among the object's types")
        {
            Where = tagged ? $"the tag osmia:event={wanted} of map '{map}'" : $"the option for map '{map}'",
            Why = "clang leaves out types that no variable, map or function of the program uses",
            Try = $"use one of {List(structs)}; or keep the type with `const struct {wanted} *unused __attribute__((unused));`",
        };

    public static Diagnostic TooShort(string map, string wanted, long size, int recordSize) =>
        new("OSM1103", $"a record of map '{map}' has {recordSize} bytes, struct '{wanted}' has {size}")
        {
            Where = $"map '{map}'",
            Why = "the program writes another struct, or only a part of this one",
            Try = "name the struct that it writes with --event",
        };

    public static Diagnostic NoStructOfSize(string map, int recordSize, IEnumerable<string> usedOtherwise)
    {
        string[] others = [.. usedOtherwise];
        return new("OSM1104", $"no struct of {recordSize} bytes describes the records of map '{map}'")
        {
            Where = $"map '{map}'",
            Why = others.Length == 0
                ? "the object's types have no struct of that size"
                : $"the structs of that size ({List(others)}) are keys or values of maps or contexts of programs",
            Try = "name the struct with --event, or tag the map with __attribute__((btf_decl_tag(\"osmia:event=NAME\")))",
        };
    }

    public static Diagnostic Ambiguous(string map, int recordSize, IEnumerable<string> candidates)
    {
        string[] names = [.. candidates];
        return new("OSM1105", $"the records of map '{map}' may be any of {names.Length} structs")
        {
            Where = $"map '{map}'",
            Why = $"{List(names)} all have {recordSize} bytes",
            Try = $"name the right one with --event {names[0]}, or tag the map with __attribute__((btf_decl_tag(\"osmia:event={names[0]}\")))",
        };
    }

    private static string List(IEnumerable<string> names)
    {
        string[] all = [.. names.Distinct(StringComparer.Ordinal)];
        string shown = all.Length == 0 ? "(none)" : string.Join(", ", all.Take(ListedNames));
        return all.Length > ListedNames ? $"{shown} and {all.Length - ListedNames} more" : shown;
    }
}
