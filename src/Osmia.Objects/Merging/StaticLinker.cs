using System.Globalization;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Merging;

/// <summary>
/// Joins objects into one, as <c>bpftool gen object</c> does: sections of one name follow each other, global names are bound across objects,
/// static ones stay apart, types are merged. One object alone is written anew.
/// </summary>
public static class StaticLinker
{
    private const string Suffix = ".bpf.o";

    /// <param name="name">The name of the result.</param>
    /// <param name="objects">In the order they are joined; they are left as they are.</param>
    /// <returns>The joined object, as it is read from the file that <see cref="BpfObject.Write(string)"/> writes.</returns>
    /// <exception cref="ArgumentException">There is no object.</exception>
    /// <exception cref="RelocationException">The objects do not fit each other (OSM2050 to OSM2053).</exception>
    /// <exception cref="ObjectFormatException">The result cannot be written (OSM1030).</exception>
    public static BpfObject Link(string name, IReadOnlyList<BpfObject> objects)
    {
        ArgumentNullException.ThrowIfNull(objects);
        if (objects.Count == 0)
        {
            throw new ArgumentException("there is nothing to link", nameof(objects));
        }

        RequireSame("byte order", objects, source => source.IsBigEndian ? "big-endian" : "little-endian");
        string license = RequireSame("license", objects, source => source.License);
        string version = RequireSame("version", objects, source => source.KernelVersion == 0 ? "" : source.KernelVersion.ToString(CultureInfo.InvariantCulture));

        var symbols = new SymbolResolution(objects);
        symbols.Run();
        var layout = new SectionLayout(name, objects);
        var types = new TypeMerge(objects, symbols, layout);
        BpfObject merged = new ObjectMerge(name, objects, symbols, layout, types).Build(license, version.Length == 0 ? 0 : uint.Parse(version, CultureInfo.InvariantCulture));

        // What a file says is what the object is: places of configuration values, orders and types are those of the reader.
        return BpfObject.Read(merged.ToArray(), name + Suffix);
    }

    /// <summary>The one value that all objects have that have one.</summary>
    private static string RequireSame(string what, IReadOnlyList<BpfObject> objects, Func<BpfObject, string> valueOf)
    {
        BpfObject? first = null;
        foreach (BpfObject source in objects.Where(source => valueOf(source).Length > 0))
        {
            first ??= source;
            if (valueOf(source) != valueOf(first))
            {
                throw MergeErrors.NotTheSame(what, $"'{valueOf(first)}'", $"'{valueOf(source)}'", $"object '{first.Name}'", $"object '{source.Name}'");
            }
        }

        return first is null ? "" : valueOf(first);
    }
}
