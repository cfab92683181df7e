using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Bytecode.Classic;
using Osmia.Bytecode.Classic.Expressions;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Classic;

/// <summary>Classic filters as objects: read from a text or bytes, translated, with one program in the section that says what runs it.</summary>
public static class ClassicObject
{
    public const string SocketSection = "socket";

    /// <summary>A section that no kernel knows: programs of it run in the virtual machine, over <c>struct seccomp_data</c>.</summary>
    public const string SeccompSection = "seccomp";

    private const string DefaultName = "filter";

    /// <summary>Reads one of the forms of <see cref="ClassicText"/>, or an array of <c>struct sock_filter</c> when the bytes are no text.</summary>
    /// <param name="source">Names the text in errors.</param>
    /// <exception cref="ObjectFormatException">It is none of them (OSM1040).</exception>
    public static ClassicProgram Read(ReadOnlySpan<byte> bytes, string source, ClassicUse use)
    {
        if (!IsText(bytes))
        {
            return bytes.Length % ClassicInstruction.SizeInBytes == 0
                ? ClassicProgram.FromBytes(bytes) with { Use = use }
                : throw Unreadable(source, $"{bytes.Length} bytes are no array of struct sock_filter", $"an instruction has {ClassicInstruction.SizeInBytes} bytes");
        }

        string text = System.Text.Encoding.UTF8.GetString(bytes);
        return ClassicText.Read(text, out ClassicTextProblem? problem) is { } program
            ? program with { Use = use }
            : throw Unreadable($"{source}:{problem!.Line}", problem.What, problem.Why);
    }

    /// <summary>Compiles an expression of tcpdump's for Ethernet frames.</summary>
    /// <exception cref="ObjectFormatException">A part of it is not understood, or not compiled here (OSM1043).</exception>
    public static ClassicProgram Compile(string expression, uint snapLength = FilterExpression.DefaultSnapLength) =>
        FilterExpression.Compile(expression, out FilterProblem? problem, snapLength) ?? throw new ObjectFormatException(new Diagnostic("OSM1043", $"the filter expression is not compiled: {problem!.What}")
        {
            Where = $"'{expression}', character {problem.Position + 1}",
            Why = problem.Why,
            Try = "see pcap-filter(7); what is not compiled here tcpdump may: tcpdump -ddd EXPRESSION | osmia filter -",
        });

    /// <summary>Translates a filter into an object with one program.</summary>
    /// <param name="section">Of the program: that of the filter's use, or one whose programs load packets in the same way (<c>tc</c>).</param>
    /// <exception cref="ObjectFormatException">Linux would not take the filter (OSM1041), or it loads what eBPF cannot load (OSM1042).</exception>
    public static BpfObject Translate(ClassicProgram filter, string name = DefaultName, string? section = null)
    {
        Instruction[] code = ClassicTranslation.Translate(filter, out ImmutableArray<int> _, out ClassicProblem? problem)
            ?? throw (ClassicCheck.Check(filter) is null ? Untranslatable(filter, problem!) : Invalid(filter, problem!));
        section ??= filter.Use == ClassicUse.Seccomp ? SeccompSection : SocketSection;
        var function = new BpfFunction(name, section, 0, code) { IsGlobal = true };
        return new BpfObject(name)
        {
            License = "GPL",
            Functions = [function],
            Programs = [new BpfProgram(function, SectionTable.Match(section))],
        };
    }

    private static bool IsText(ReadOnlySpan<byte> bytes) => bytes.IndexOfAnyExceptInRange((byte)0x20, (byte)0x7e) is var odd && (odd < 0 || IsText(bytes, odd));

    private static bool IsText(ReadOnlySpan<byte> bytes, int from)
    {
        foreach (byte one in bytes[from..])
        {
            if (one is < 0x20 and not ((byte)'\n' or (byte)'\r' or (byte)'\t'))
            {
                return false;
            }
        }

        return true;
    }

    private static ObjectFormatException Unreadable(string where, string what, string why) => new(new Diagnostic("OSM1040", $"no classic BPF: {what}")
    {
        Where = where,
        Why = why,
        Try = "give what 'tcpdump -ddd EXPRESSION' prints, an array of struct sock_filter, or a listing as of 'tcpdump -d'",
    });

    private static ObjectFormatException Invalid(ClassicProgram filter, ClassicProblem problem) => new(new Diagnostic("OSM1041", $"the filter is not valid: {problem.What}")
    {
        Where = Place(filter, problem),
        Why = problem.Why,
        Try = "Linux would refuse it with EINVAL; correct the filter",
    });

    private static ObjectFormatException Untranslatable(ClassicProgram filter, ClassicProblem problem) => new(new Diagnostic("OSM1042", $"the filter has no eBPF form: {problem.What}")
    {
        Where = Place(filter, problem),
        Why = problem.Why,
        Try = "attach the filter to a socket as it is (SO_ATTACH_FILTER), or leave the load out",
    });

    private static string Place(ClassicProgram filter, ClassicProblem problem) =>
        problem.Index < 0 ? $"a {filter.Use.ToString().ToLowerInvariant()} filter" : $"instruction {ClassicListing.Line(filter.Instructions[problem.Index], problem.Index).Replace('\t', ' ')}";
}
