namespace Osmia.Btf.Printing;

/// <summary>How a value is to be read beyond its C type.</summary>
public enum FieldFormat : byte
{
    /// <summary>As its type says.</summary>
    Plain,
    Nanoseconds,
    Microseconds,
    Milliseconds,

    /// <summary>An IPv4 address in network order: 4 bytes.</summary>
    Ip4,

    /// <summary>An IPv6 address in network order: 16 bytes.</summary>
    Ip6,

    /// <summary>An Ethernet address: 6 bytes.</summary>
    Mac,

    /// <summary>A port: in network order when its type is <c>__be16</c>, else in the host's.</summary>
    Port,

    /// <summary>An address in the kernel.</summary>
    KernelSymbol,

    /// <summary>An address in a process; a sibling member <c>pid</c> or <c>tgid</c> says in which.</summary>
    UserSymbol,

    Hex,

    /// <summary>Not shown: padding.</summary>
    Skip,
}

/// <summary>What tags and type names say about formats, in one place.</summary>
/// <remarks>A tag is a BTF declaration tag <c>osmia:WORD</c> on a member, or on a typedef for every value of that type.</remarks>
public static class FieldFormats
{
    public const string TagPrefix = "osmia:";

    /// <summary>Words of tags, and the bytes a value must have (0: any integer, or an array taken as a whole).</summary>
    private static readonly FieldTag[] s_tags =
    [
        new("ns", FieldFormat.Nanoseconds, 0),
        new("us", FieldFormat.Microseconds, 0),
        new("ms", FieldFormat.Milliseconds, 0),
        new("ip4", FieldFormat.Ip4, 4),
        new("ip6", FieldFormat.Ip6, 16),
        new("mac", FieldFormat.Mac, 6),
        new("port", FieldFormat.Port, 2),
        new("ksym", FieldFormat.KernelSymbol, 8),
        new("usym", FieldFormat.UserSymbol, 8),
        new("hex", FieldFormat.Hex, 0),
        new("skip", FieldFormat.Skip, 0),
    ];

    /// <summary>Words after <c>osmia:</c> that this table knows.</summary>
    public static IEnumerable<string> Words => s_tags.Select(tag => tag.Word);

    /// <summary>The format a declaration tag asks for; false for the tags of others.</summary>
    public static bool TryParseTag(string tag, out FieldFormat format)
    {
        FieldTag? known = Find(tag);
        format = known?.Format ?? FieldFormat.Plain;
        return known is not null;
    }

    /// <summary>The row of a declaration tag; null for the tags of others.</summary>
    internal static FieldTag? Find(string tag)
    {
        if (tag.StartsWith(TagPrefix, StringComparison.Ordinal))
        {
            foreach (FieldTag known in s_tags)
            {
                if (tag.AsSpan(TagPrefix.Length).SequenceEqual(known.Word))
                {
                    return known;
                }
            }
        }

        return null;
    }

    /// <summary>The format of a typedef or struct by its name.</summary>
    public static FieldFormat OfTypeName(string name) => name switch
    {
        "__be32" or "in_addr_t" or "in_addr" => FieldFormat.Ip4,
        "__be16" or "in_port_t" => FieldFormat.Port,
        "in6_addr" => FieldFormat.Ip6,
        _ => FieldFormat.Plain,
    };

    /// <summary>Bytes a value in this format has; 0 when any integer will do.</summary>
    public static int SizeOf(FieldFormat format) => Array.Find(s_tags, tag => tag.Format == format)?.Size ?? 0;

    /// <summary>The unit of a duration, as BCC's histograms call it; null when the format is none.</summary>
    public static string? UnitOf(FieldFormat format) => format switch
    {
        FieldFormat.Nanoseconds => "nsecs",
        FieldFormat.Microseconds => "usecs",
        FieldFormat.Milliseconds => "msecs",
        _ => null,
    };
}

internal sealed record FieldTag(string Word, FieldFormat Format, int Size);
