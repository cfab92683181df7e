namespace Osmia.Bytecode.Classic.Expressions;

/// <summary>
/// Compiles filter expressions as tcpdump has them (pcap-filter(7)) to classic BPF, for Ethernet frames: protocols, hosts, networks, ports, lengths,
/// hardware addresses, VLANs, comparisons of packet bytes, joined by and, or, not. Names of hosts and services are not looked up.
/// </summary>
public static class FilterExpression
{
    public const uint DefaultSnapLength = 262144;

    /// <param name="snapLength">What the filter returns for a packet that matches: how many bytes to keep.</param>
    /// <param name="problem">What of the expression is not understood, and where.</param>
    /// <returns>Null when there is a problem. An empty expression matches every packet.</returns>
    public static ClassicProgram? Compile(string expression, out FilterProblem? problem, uint snapLength = DefaultSnapLength)
    {
        if (string.IsNullOrWhiteSpace(expression))
        {
            problem = null;
            return new ClassicProgram([new(0x06, 0, 0, snapLength)]);
        }

        var parser = new FilterParser(expression);
        FilterNode? node = parser.Parse(out problem);
        if (node is null)
        {
            return null;
        }

        ClassicProgram? program = FilterCode.Write(node, snapLength);
        problem = program is null ? new(0, "the expression is too large", $"a filter has at most {ClassicProgram.MaxLength} instructions and {ClassicProgram.ScratchWords} words of memory") : null;
        return program;
    }
}

/// <summary>Why an expression is not compiled.</summary>
/// <param name="Position">The character it begins at, counted from 0.</param>
public sealed record FilterProblem(int Position, string What, string Why);
