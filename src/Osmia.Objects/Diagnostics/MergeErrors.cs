namespace Osmia.Objects.Diagnostics;

/// <summary>Ids of static linking: OSM2050 and on.</summary>
internal static class MergeErrors
{
    public static RelocationException DefinedTwice(string symbol, string first, string second) => new(new Diagnostic("OSM2050", $"'{symbol}' is defined twice")
    {
        Where = $"{first}, and {second}",
        Why = "of two global definitions of one name at most one may be strong",
        Try = "make one of them static, give one __weak, or leave one object out",
    });

    public static RelocationException NotTheSame(string what, string first, string second, string firstObject, string secondObject) => new(new Diagnostic("OSM2051", $"the objects differ in their {what}: {first} and {second}")
    {
        Where = $"{firstObject}, and {secondObject}",
        Why = $"one object has one {what}",
        Try = "compile all sources with the same one",
    });

    public static RelocationException DeclaredOtherwise(string symbol, string difference, string first, string second) => new(new Diagnostic("OSM2052", $"'{symbol}' is not the same in two objects: {difference}")
    {
        Where = $"{first}, and {second}",
        Why = "an external declaration must fit the definition, or code compiled for one would read the other wrongly",
        Try = "put the declaration in a header that both sources include",
    });

    public static RelocationException SlotOfTwo(string map, string name, string objectName) => new(new Diagnostic("OSM2053", $"a first value of map '{map}' names '{name}', and two objects have a static one of that name")
    {
        Where = objectName,
        Why = "first values of maps name programs and maps; a static name is one object's own",
        Try = $"give '{name}' another name, or make it global",
    });
}
