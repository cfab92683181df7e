using Osmia.Bytecode;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Verification.Generator;

/// <summary>The maps and function types that all generated programs share.</summary>
internal static class GeneratorScaffold
{
    // Indexes in the order of the text.
    public const int Input = 0;
    public const int Table = 1;
    public const int Hash = 2;
    public const int Ring = 3;
    public const int Queue = 4;
    public const int Programs = 5;
    public const int Events = 6;

    public const int InputSize = 64;
    public const int TableSize = 48;
    public const int TableEntries = 8;
    public const int HashSize = 32;
    public const int HashKey = 8;
    public const int MaximumFunctions = 5;

    private const string Text = """
            .license "GPL"
            .map input type array key 4 value 64 entries 1
            .map table type array key 4 value 48 entries 8
            .map hash type hash key 8 value 32 entries 16
            .map ring type ringbuf entries 1048576
            .map queue type queue key 0 value 8 entries 8
            .map programs type prog_array key 4 value 4 entries 4
            .map events type perf_event_array key 4 value 4 entries 4
            .section tc
        main:
            r1 = input ll
            r1 = table ll
            r1 = hash ll
            r1 = ring ll
            r1 = queue ll
            r1 = programs ll
            r1 = events ll
            call one
            call two
            call three
            call four
            call five
            r0 = 0
            exit
            .text
        one:
            r0 = 0
            exit
        two:
            r0 = 0
            exit
        three:
            r0 = 0
            exit
        four:
            r0 = 0
            exit
        five:
            r0 = 0
            exit
        """;

    public static IReadOnlyList<string> Sections { get; } = ["socket", "xdp", "tc", "syscall", "raw_tp/sys_enter"];

    public static LinkedObject Object { get; } = Linker.Link(ObjectAssembler.Assemble(Text, "generated.s"), new Target("generated"));

    /// <summary>A program whose functions have the types of the scaffold's.</summary>
    public static LinkedProgram Program(string section, ReadOnlySpan<Instruction> code, IEnumerable<int> functions)
    {
        LinkedProgram template = Object.Programs[0];
        return new LinkedProgram("main", SectionTable.Match(section), [.. code])
        {
            Functions = [.. functions.Order().Select((slot, i) => template.Functions[i] with { Slot = slot })],
            Types = template.Types,
        };
    }
}
