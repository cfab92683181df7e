namespace Osmia.Cli.Words;

/// <summary>What the words in capitals of a verb's grammar stand for.</summary>
internal static class Glossary
{
    private static readonly (string Word, string Meaning)[] s_words =
    [
        ("PROG", "id N | tag TAG | name NAME | pinned FILE"),
        ("MAP", "id N | name NAME | pinned FILE"),
        ("LINK", "id N | pinned FILE"),
        ("DATA", "[hex] BYTES, or text by the map's types: 17, 10.0.0.1, FIELD=VALUE,..."),
        ("VALUE", "DATA, or the MAP or PROG that an element of its map holds"),
        ("HOOK", "cgroups: connect4, ingress, ... or the kernel's name; prog attach: sk_msg_verdict, sk_skb_verdict, sk_skb_stream_verdict, sk_skb_stream_parser, flow_dissector"),
        ("SECTION", "a place as C programs name it: tp/sched/sched_switch, uprobe/BINARY:FUNCTION, xdp, cgroup/connect4"),
        ("TYPE", "of a map: hash, array, ...; of a program: a section name such as xdp"),
        ("OBJ", "a BPF object compiled by clang (.bpf.o)"),
        ("FILE", "a file; to pin at, one below /sys/fs/bpf"),
        ("DIR", "a directory: a cgroup, or one to pin in"),
    ];

    public static IEnumerable<(string Word, string Meaning)> Words => s_words;

    public static string Of(string grammar)
    {
        string[] used = grammar.Split([' ', '[', ']', '{', '}', '|'], StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(s_words.Where(row => used.Contains(row.Word)).Select(row => $"\n{row.Word} := {row.Meaning}"));
    }
}
