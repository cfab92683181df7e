namespace Osmia.Tests.Vm;

/// <summary>One case of a .data file: a program, its memory, and what must come of it.</summary>
public sealed record InstructionCase(string File, string Name, string Code)
{
    public byte[] Memory { get; init; } = [];

    public ulong Result { get; init; }

    /// <summary>Memory after the run; null when it does not matter.</summary>
    public byte[]? MemoryAfter { get; init; }

    /// <summary>Id of the trap; null when the run ends well.</summary>
    public string? Trap { get; init; }

    /// <summary>Id of the refusal at load; null when the program loads.</summary>
    public string? Refusal { get; init; }

    public override string ToString() => $"{File}: {Name}";

    /// <summary>Reads a file: "== name", then "mem:", "r0:", "out:", "trap:" or "refuse:" lines, then assembler text. "#" begins a comment line.</summary>
    public static IEnumerable<InstructionCase> Read(string path)
    {
        InstructionCase? current = null;
        var code = new List<string>();
        foreach (string raw in System.IO.File.ReadLines(path))
        {
            string line = raw.Trim();
            if (line.Length == 0 || line.StartsWith('#'))
            {
                continue;
            }

            if (line.StartsWith("==", StringComparison.Ordinal))
            {
                if (current is not null)
                {
                    yield return current with { Code = string.Join('\n', code) };
                }

                current = new InstructionCase(Path.GetFileName(path), line[2..].Trim(), "");
                code.Clear();
                continue;
            }

            current = Property(current!, line) ?? Add(current!, code, line);
        }

        if (current is not null)
        {
            yield return current with { Code = string.Join('\n', code) };
        }
    }

    private static InstructionCase Add(InstructionCase current, List<string> code, string line)
    {
        code.Add(line);
        return current;
    }

    private static InstructionCase? Property(InstructionCase current, string line)
    {
        string[] parts = line.Split(':', 2);
        string value = parts.Length == 2 ? parts[1].Trim() : "";
        return parts[0] switch
        {
            "mem" => current with { Memory = Convert.FromHexString(value.Replace(" ", "", StringComparison.Ordinal)) },
            "out" => current with { MemoryAfter = Convert.FromHexString(value.Replace(" ", "", StringComparison.Ordinal)) },
            "r0" => current with { Result = (ulong)TestAssembler.Number(value) },
            "trap" => current with { Trap = value },
            "refuse" => current with { Refusal = value },
            _ => null,
        };
    }
}
