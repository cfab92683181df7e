namespace Osmia.Objects.Diagnostics;

/// <summary>Ids of writing: OSM1030 and on.</summary>
internal static class WriteErrors
{
    public static ObjectFormatException CannotWrite(string name, string problem, string where, string? remedy = null) => new(
        new Diagnostic("OSM1030", $"object '{name}' cannot be written: {problem}")
        {
            Where = where,
            Why = "a part of the object names something that the object does not hold, or that an ELF file cannot hold",
            Try = remedy ?? "give the object every function, map, variable and external symbol that its code refers to",
        });

    public static ObjectFormatException Unwritable(string path, Exception inner) => new(
        new Diagnostic("OSM1031", $"'{path}' cannot be written: {inner.Message}")
        {
            Try = "check the path and your permission to write it",
        },
        inner: inner);
}
