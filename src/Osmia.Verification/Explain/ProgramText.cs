using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Objects.Linking;

namespace Osmia.Verification.Explain;

/// <summary>A program as people know it: source lines, instructions as text, names.</summary>
/// <param name="kernel">The target's types, for names of kernel functions.</param>
internal sealed partial class ProgramText(LinkedProgram program, IReadOnlyList<LinkedMap> maps, Btf.BtfTypes? kernel = null)
{
    public LinkedProgram Program { get; } = program;

    public Instruction this[int slot] => Program.Instructions[slot];

    public int Length => Program.Instructions.Length;

    public SourceLine? LineAt(int slot) => slot < 0 || slot >= Length ? null : Program.LineAt(slot);

    /// <summary>As the disassembler prints it, without the opcode in front.</summary>
    public string InstructionAt(int slot)
    {
        if (slot < 0 || slot >= Length)
        {
            return "";
        }

        string text = Disassembler.Format(Program.Instructions.AsSpan(), slot, Name);
        return text.StartsWith('(') ? text[(text.IndexOf(')', StringComparison.Ordinal) + 2)..] : text;
    }

    public string FunctionAt(int slot) => Program.Functions.IsDefaultOrEmpty || slot < 0 ? Program.Name : Program.FunctionAt(slot).Name;

    /// <summary>What an instruction calls.</summary>
    public string Callee(int slot)
    {
        Instruction call = this[slot];
        return call.IsHelperCall ? HelperTable.NameOf(call.Immediate)
            : call.IsLocalCall ? FunctionAt(slot + 1 + call.Immediate)
            : kernel is not null && call.IsKfuncCall && call.Offset == 0 ? NameOfKfunc(kernel, call.Immediate)
            : "a kernel function";
    }

    public string MapName(int index) => (uint)index < (uint)maps.Count ? maps[index].Name : $"#{index}";

    /// <summary>The variable a source line gives its value to, such as <c>v</c> in <c>long *v = lookup(...)</c>.</summary>
    public string? VariableSetAt(int slot) => LineAt(slot) is { } line && Assignment().Match(line.Text) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>The variable a line of the program sets from a field of the context, such as <c>data</c>.</summary>
    public string? VariableSetFrom(string field)
    {
        foreach (LineRecord record in Program.Lines.IsDefault ? [] : Program.Lines)
        {
            if (Program.Types is { } types)
            {
                string text = record.Describe(types).Text;
                Match match = Regex.Match(text, @"(\w+)\s*=\s*[^=;,]*->\s*" + field + @"\b");
                if (match.Success)
                {
                    return match.Groups[1].Value;
                }
            }
        }

        return null;
    }

    /// <summary>The variable in brackets on a source line: <c>i</c> of <c>table[i]</c>.</summary>
    public string? IndexAt(int slot) => LineAt(slot) is { } line && Index().Match(line.Text) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>The array a source line indexes: <c>data</c> of <c>data[i]</c>.</summary>
    public string? ArrayAt(int slot) => LineAt(slot) is { } line && Array().Match(line.Text) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>The pointer whose member a source line uses: <c>eth</c> of <c>eth->h_proto</c>; the context is none.</summary>
    public string? MemberOwnerAt(int slot)
    {
        foreach (Match match in LineAt(slot) is { } line ? Member().Matches(line.Text).AsEnumerable() : [])
        {
            if (match.Groups[1].Value is not ("ctx" or "skb" or "xdp"))
            {
                return match.Groups[1].Value;
            }
        }

        return null;
    }

    /// <summary>How a program of this type gives up.</summary>
    public string GiveUp => Program.Type switch
    {
        ProgramType.Xdp => "return XDP_PASS;",
        ProgramType.SchedCls or ProgramType.SchedAct => "return TC_ACT_OK;",
        _ => "return 0;",
    };

    private static string NameOfKfunc(Btf.BtfTypes types, int id) => (uint)id < (uint)types.Count ? types[new Btf.TypeId(id)].Name : "a kernel function";

    private string? Name(int slot, Instruction instruction, Instruction next) => instruction switch
    {
        { IsWide: true, SourceKind: PseudoLoad.MapIndex } => $"map[{MapName(instruction.Immediate)}]",
        { IsWide: true, SourceKind: PseudoLoad.MapIndexValue } => $"map[{MapName(instruction.Immediate)}] + {next.Immediate}",
        { IsLocalCall: true } => FunctionAt(slot + 1 + instruction.Immediate),
        { IsKfuncCall: true } => Callee(slot),
        _ => null,
    };

    [GeneratedRegex(@"\b([A-Za-z_]\w*)\s*\[\s*[A-Za-z_]\w*\s*\]")]
    private static partial Regex Array();

    [GeneratedRegex(@"\b([A-Za-z_]\w*)\s*->")]
    private static partial Regex Member();

    [GeneratedRegex(@"(\w+)\s*=(?!=)\s*\S")]
    private static partial Regex Assignment();

    [GeneratedRegex(@"\w\s*\[\s*([A-Za-z_]\w*(?:(?:->|\.)\w+)*)\s*\]")]
    private static partial Regex Index();
}
