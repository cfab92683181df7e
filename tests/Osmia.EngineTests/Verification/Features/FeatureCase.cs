using System.Text;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Verification.Features;

/// <summary>One small program and the verdict it should get.</summary>
/// <remarks>
/// The files have a case as <c>== name | accept</c> or <c>| reject</c>, then, if it is not traffic control under the GPL, the section and the
/// license, then instructions. r6 holds the context, r9 the number 0; what follows ends with <c>out: r0 = 0; exit</c>. Maps, data and
/// functions that they name stand in <c>scaffold.s</c>; <see cref="s_phrases"/> are written as calls.
/// </remarks>
internal sealed record FeatureCase(string Family, string Name, bool IsAccepted, string Section, string License, string Body)
{
    private static readonly Dictionary<string, string> s_phrases = new()
    {
        ["lookup"] = """
                *(u32 *)(r10 - 4) = 1
                r1 = hash ll
                r2 = r10
                r2 += -4
                call bpf_map_lookup_elem
                if r0 == 0 goto out
            """,
        ["lookup_or_null"] = """
                *(u32 *)(r10 - 4) = 1
                r1 = hash ll
                r2 = r10
                r2 += -4
                call bpf_map_lookup_elem
            """,
        ["packet"] = """
                r1 = *(u32 *)(r6 + 76)
                r2 = *(u32 *)(r6 + 80)
            """,
        ["reserve"] = """
                r1 = ring ll
                r2 = 16
                r3 = 0
                call bpf_ringbuf_reserve
                if r0 == 0 goto out
            """,
        ["socket"] = """
                r0 = *(u64 *)(r6 + 168)
                if r0 == 0 goto out
            """,
        ["find_socket"] = """
                *(u64 *)(r10 - 24) = 0
                *(u64 *)(r10 - 16) = 0
                r1 = r6
                r2 = r10
                r2 += -24
                r3 = 12
                r4 = -1
                r5 = 0
                call bpf_sk_lookup_tcp
            """,
    };

    private static readonly string s_folder = RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Verification", "Features");

    private const int FirstRaw = 0x7a5b_0000;

    private List<byte[]> Raw { get; } = [];

    public static IEnumerable<string> Files => Directory.EnumerateFiles(s_folder, "*.vcase").Order(StringComparer.Ordinal);

    public static IEnumerable<FeatureCase> All => Files.SelectMany(Read);

    public BpfObject Assemble()
    {
        string license = License.Length == 0 ? "GPL" : License;
        var text = new StringBuilder($"    .license \"{license}\"\n");
        text.Append(File.ReadAllText(Path.Combine(s_folder, "scaffold.s")));
        text.Append($"    .section \"{Section}\"\nmain:\n    r6 = r1\n    r9 = 0\n{Body}out:\n    r0 = 0\n    exit\n");
        return ObjectAssembler.Assemble(text.ToString(), Family + ".s");
    }

    /// <summary>Instructions in bytes are put in afterwards: the assembler lets nothing through that is no instruction.</summary>
    public LinkedObject Link(Target target)
    {
        LinkedObject linked = Linker.Link(Assemble(), target);
        LinkedProgram program = linked.Programs[0];
        Instruction[] code = [.. program.Instructions];
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (code[slot].Opcode.Value == Opcodes.Mov64Immediate && code[slot].Immediate >= FirstRaw && code[slot].Immediate - FirstRaw < Raw.Count)
            {
                code[slot] = Instruction.Decode(Raw[code[slot].Immediate - FirstRaw]);
            }
        }

        return linked with { Programs = [program with { Instructions = [.. code] }] };
    }

    private static IEnumerable<FeatureCase> Read(string path)
    {
        string family = Path.GetFileNameWithoutExtension(path);
        FeatureCase? current = null;
        foreach (string line in File.ReadLines(path).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line.StartsWith("== ", StringComparison.Ordinal))
            {
                if (current is not null)
                {
                    yield return current;
                }

                string[] parts = line[3..].Split('|', StringSplitOptions.TrimEntries);
                Assert.True(parts.Length is >= 2 and <= 4 && parts[1] is "accept" or "reject", $"{path}: {line}");
                current = new FeatureCase(family, parts[0], parts[1] == "accept", parts.Length > 2 ? parts[2] : "tc", parts.Length > 3 ? parts[3] : "", "");
                continue;
            }

            string word = line.Trim();
            if (word.StartsWith(".byte", StringComparison.Ordinal))
            {
                current = current! with { Body = $"{current.Body}    r9 = {FirstRaw + current.Raw.Count}\n" };
                current.Raw.Add([.. word[5..].Split(',', StringSplitOptions.TrimEntries).Select(number => Convert.ToByte(number, number.StartsWith("0x", StringComparison.Ordinal) ? 16 : 10))]);
                continue;
            }

            string text = word.StartsWith("call ", StringComparison.Ordinal) && s_phrases.TryGetValue(word[5..], out string? phrase) ? phrase : line;
            current = current! with { Body = current.Body + text + "\n" };
        }

        yield return current!;
    }
}
