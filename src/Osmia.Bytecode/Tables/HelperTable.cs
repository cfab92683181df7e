using System.Text;

namespace Osmia.Bytecode;

/// <summary>
/// The helper table: what each helper takes and returns, since when, and which programs may call it. The rows are one text, and a row
/// is read when it is asked for.
/// </summary>
/// <remarks>Source: <c>enum bpf_func_id</c> in include/uapi/linux/bpf.h, Linux 6.18, and what <see cref="Rows"/> names.</remarks>
public static partial class HelperTable
{
    private const int LastId = (int)HelperId.CgrpStorageDelete;
    private const int Columns = 7;

    private static readonly Helper?[] s_helpers = new Helper?[LastId + 1];
    private static readonly string?[] s_names = new string?[LastId + 1];
    private static readonly Lazy<int[]> s_starts = new(FindRows);

    /// <summary>Helpers known to this table; ids run from 1 to this number.</summary>
    public static int Count => LastId;

    /// <summary>Every helper, in the order of the ids.</summary>
    public static IEnumerable<Helper> All
    {
        get
        {
            for (int id = 1; id <= LastId; id++)
            {
                yield return Find(id)!;
            }
        }
    }

    public static bool IsKnown(int id) => id is > 0 and <= LastId;

    /// <summary>The row of a helper, or null for an id newer than this table.</summary>
    public static Helper? Find(int id) => IsKnown(id) ? s_helpers[id] ??= Read(id) : null;

    public static Helper Find(HelperId id) => Find((int)id) ?? throw new ArgumentOutOfRangeException(nameof(id), id, "no such helper");

    /// <summary>The C name (<c>bpf_map_lookup_elem</c>), or <c>helper#N</c> for an id newer than this table.</summary>
    public static string NameOf(int id) => IsKnown(id) ? s_names[id] ??= "bpf_" + ReadName(id) : $"helper#{id}";

    /// <summary>Finds a helper by its C name, with or without <c>bpf_</c>.</summary>
    public static bool TryFind(string name, out HelperId id)
    {
        for (int candidate = 1; candidate <= LastId; candidate++)
        {
            string known = NameOf(candidate);
            if (known == name || known.AsSpan(4).SequenceEqual(name))
            {
                id = (HelperId)candidate;
                return true;
            }
        }

        id = default;
        return false;
    }

    internal static InvalidOperationException BadRow(ReadOnlySpan<char> word) => new($"'{word}' in the helper table is not a word of it");

    // Where the first row of each helper begins, and after the last the end.
    private static int[] FindRows()
    {
        int[] starts = new int[LastId + 2];
        ReadOnlySpan<byte> text = Rows;
        int position = 0;
        int last = 0;
        while (position < text.Length)
        {
            int id = 0;
            int at = position;
            for (; text[at] is not (byte)'|'; at++)
            {
                id = text[at] is (byte)' ' ? id : (id * 10) + (text[at] - '0');
            }

            if (id != last)
            {
                starts[id] = position;
                last = id;
            }

            int length = text[position..].IndexOf((byte)'\n');
            position = length < 0 ? text.Length : position + length + 1;
        }

        starts[LastId + 1] = text.Length;
        return starts;
    }

    private static ReadOnlySpan<byte> RowsOf(int id) => Rows[s_starts.Value[id]..s_starts.Value[id + 1]];

    private static string ReadName(int id)
    {
        ReadOnlySpan<byte> row = RowsOf(id);
        row = row[(row.IndexOf((byte)'|') + 2)..];
        return Encoding.ASCII.GetString(row[..row.IndexOf((byte)' ')]);
    }

    private static Helper Read(int id)
    {
        string[] rows = Encoding.ASCII.GetString(RowsOf(id)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var signatures = new HelperSignature[rows.Length];
        KernelVersion since = default;
        string name = "";
        for (int i = 0; i < rows.Length; i++)
        {
            string[] cells = rows[i].Split('|', StringSplitOptions.TrimEntries);
            if (cells.Length != Columns || !KernelVersion.TryParse(cells[4], out since) || (i > 0 && cells[1] != name))
            {
                throw BadRow(rows[i]);
            }

            name = cells[1];
            signatures[i] = new HelperSignature(HelperReturn.Parse(cells[2]), ReadArguments(cells[3]), ReadTraits(cells[5]), ReadCallers(cells[6]));
        }

        return new Helper((HelperId)id, name, since, signatures);
    }

    private static HelperArgument[] ReadArguments(string cell)
    {
        string[] words = cell.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var arguments = new HelperArgument[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            arguments[i] = HelperArgument.Parse(words[i]);
        }

        return arguments;
    }

    private static HelperTraits ReadTraits(string cell)
    {
        HelperTraits traits = HelperTraits.None;
        foreach (string word in cell.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            traits |= word switch
            {
                "gpl" => HelperTraits.GplOnly,
                "pkt" => HelperTraits.TakesPacketMemory,
                "sleep" => HelperTraits.MaySleep,
                "fast" => HelperTraits.FastCall,
                "chg" => HelperTraits.ChangesPacket,
                "acq" => HelperTraits.AcquiresReference,
                "cast" => HelperTraits.CastsPointer,
                "cb" => HelperTraits.CallsCallback,
                "async" => HelperTraits.DefersCallback,
                "bpf" => HelperTraits.NeedsBpf,
                "perfmon" => HelperTraits.NeedsPerfmon,
                "sysadmin" => HelperTraits.NeedsSysAdmin,
                _ => throw BadRow(word),
            };
        }

        return traits;
    }

    private static HelperCaller[] ReadCallers(string cell)
    {
        var callers = new List<HelperCaller>();
        int position = 0;
        while (position < cell.Length)
        {
            int end = cell.AsSpan(position).IndexOfAny(' ', '[');
            end = end < 0 ? cell.Length : position + end;
            ReadOnlySpan<char> word = cell.AsSpan(position, end - position);
            string condition = "";
            position = end + 1;
            if (end < cell.Length && cell[end] == '[')
            {
                int close = cell.IndexOf(']', end);
                condition = cell[(end + 1)..close];
                position = close + 2;
            }

            AddCallers(callers, word, condition);
        }

        return [.. callers];
    }

    private static void AddCallers(List<HelperCaller> callers, ReadOnlySpan<char> word, string condition)
    {
        int colon = condition.IndexOf(':', StringComparison.Ordinal);
        string remark = colon < 0 ? "" : condition[(colon + 1)..].Trim();
        AttachType[] attachTypes = ReadAttachTypes(colon < 0 ? condition : condition[..colon]);
        if (word[0] != '@')
        {
            callers.Add(new HelperCaller(ProgramTypeNames.TryParse(word.ToString(), out ProgramType type) ? type : throw BadRow(word), attachTypes, remark));
            return;
        }

        foreach (ProgramType member in HelperCallerGroups.Programs(word))
        {
            callers.Add(new HelperCaller(member, attachTypes, remark));
        }
    }

    private static AttachType[] ReadAttachTypes(string words)
    {
        var types = new List<int>();
        foreach (string word in words.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word[0] != '@')
            {
                types.Add(AttachTypeNames.TryParse(word, out AttachType type) ? (int)type : throw BadRow(word));
                continue;
            }

            foreach (AttachType member in HelperCallerGroups.AttachTypes(word))
            {
                types.Add((int)member);
            }
        }

        var result = new AttachType[types.Count];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = (AttachType)types[i];
        }

        return result;
    }
}
