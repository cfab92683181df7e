using System.Globalization;

namespace Osmia.Kernel.Inventory;

/// <summary>A process that holds a descriptor of something.</summary>
public readonly record struct Holder(int Pid, string Command);

/// <summary>Who holds programs, maps, links and types: read once from the descriptors of all processes (<c>/proc/PID/fdinfo</c>). Processes of others are seen by root only.</summary>
public sealed class Holders
{
    private static readonly (string Label, HeldKind Kind)[] s_labels = [("prog_id:", HeldKind.Program), ("map_id:", HeldKind.Map), ("link_id:", HeldKind.Link), ("btf_id:", HeldKind.Btf)];

    private readonly Dictionary<(HeldKind, uint), List<Holder>> _holders = [];

    private Holders()
    {
    }

    public static Holders Read()
    {
        var holders = new Holders();
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                holders.Add(pid, process);
            }
        }

        return holders;
    }

    /// <summary>In the order of their numbers; a process is named once.</summary>
    public IReadOnlyList<Holder> Of(HeldKind kind, uint id) => _holders.TryGetValue((kind, id), out List<Holder>? found) ? found : [];

    private void Add(int pid, string process)
    {
        string? command = null;
        try
        {
            foreach (string descriptor in Directory.EnumerateFiles($"{process}/fd"))
            {
                // Descriptors of bpf(2) are anonymous files; the others need not be read.
                string? kind = new FileInfo(descriptor).LinkTarget;
                if (kind is null || !kind.StartsWith("anon_inode:", StringComparison.Ordinal) || !kind.Contains("bpf", StringComparison.Ordinal) && !kind.Contains("btf", StringComparison.Ordinal))
                {
                    continue;
                }

                command ??= File.ReadAllText($"{process}/comm").Trim();
                AddDescriptor(new Holder(pid, command), kind, $"{process}/fdinfo/{Path.GetFileName(descriptor)}");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process has ended meanwhile, or belongs to somebody else.
        }
    }

    private void AddDescriptor(Holder holder, string kind, string path)
    {
        foreach (string line in File.ReadLines(path))
        {
            foreach ((string label, HeldKind held) in s_labels)
            {
                // A link's lines name its program too, which the process does not hold itself.
                bool fits = !kind.Contains("link", StringComparison.Ordinal) && !kind.Contains("iter", StringComparison.Ordinal) || held == HeldKind.Link;
                if (fits && line.StartsWith(label, StringComparison.Ordinal) && uint.TryParse(line.AsSpan(label.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
                {
                    List<Holder> known = _holders.TryGetValue((held, id), out List<Holder>? found) ? found : _holders[(held, id)] = [];
                    if (!known.Contains(holder))
                    {
                        known.Add(holder);
                    }
                }
            }
        }
    }
}

/// <summary>Kinds of objects that descriptors of bpf(2) hold.</summary>
public enum HeldKind
{
    Program,
    Map,
    Link,
    Btf,
}
