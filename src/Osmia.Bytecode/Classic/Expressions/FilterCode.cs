using System.Runtime.CompilerServices;

namespace Osmia.Bytecode.Classic.Expressions;

/// <summary>Classic BPF of a filter: each test jumps to what is next to be tested, or to the end; jumps too far for 8 bits go by a jump that is not.</summary>
internal sealed class FilterCode
{
    private sealed class Label
    {
        public int Place = -1;
    }

    private sealed record Line(ClassicInstruction Instruction, Label? IfTrue = null, Label? IfFalse = null)
    {
        public bool IsTrueFar { get; set; }

        public bool IsFalseFar { get; set; }

        public int Length => 1 + (IsTrueFar ? 1 : 0) + (IsFalseFar ? 1 : 0);
    }

    private readonly List<Line> _lines = [];

    /// <param name="snapLength">What the filter returns for a packet that matches: how many bytes to keep.</param>
    /// <returns>Null when the expression nests deeper than scratch memory reaches, or is longer than a filter may be.</returns>
    public static ClassicProgram? Write(FilterNode node, uint snapLength)
    {
        var code = new FilterCode();
        var yes = new Label();
        var no = new Label();
        if (!code.Test(node, yes, no))
        {
            return null;
        }

        yes.Place = code._lines.Count;
        code._lines.Add(new Line(new(0x06, 0, 0, snapLength)));
        no.Place = code._lines.Count;
        code._lines.Add(new Line(new(0x06, 0, 0, 0)));
        return code.Assemble();
    }

    private bool Test(FilterNode node, Label yes, Label no)
    {
        if (!IsRoom())
        {
            return false;
        }

        switch (node)
        {
            case AndNode and:
                var second = new Label();
                bool isFine = Test(and.Left, second, no);
                second.Place = _lines.Count;
                return isFine && Test(and.Right, yes, no);
            case OrNode or:
                var other = new Label();
                isFine = Test(or.Left, yes, other);
                other.Place = _lines.Count;
                return isFine && Test(or.Right, yes, no);
            case NotNode not:
                return Test(not.Inner, no, yes);
            case TestNode test:
                if (!Load(test.Value, 0))
                {
                    return false;
                }

                if (test.Mask != uint.MaxValue)
                {
                    Add(0x54, test.Mask);
                }

                _lines.Add(new Line(new((ushort)(0x05 | (int)test.Operation), 0, 0, test.Constant), yes, no));
                return true;
            default:
                var relation = (RelationNode)node;
                if (relation.Right is ConstantValue constant)
                {
                    if (!Load(relation.Left, 0))
                    {
                        return false;
                    }

                    _lines.Add(new Line(new((ushort)(0x05 | (int)relation.Operation), 0, 0, constant.Number), yes, no));
                    return true;
                }

                if (!LoadPair(relation.Left, relation.Right, 0))
                {
                    return false;
                }

                _lines.Add(new Line(new((ushort)(0x0d | (int)relation.Operation), 0, 0, 0), yes, no));
                return true;
        }
    }

    // A long chain of "or" or of sums is a deep tree.
    private bool IsRoom() => _lines.Count <= ClassicProgram.MaxLength && RuntimeHelpers.TryEnsureSufficientExecutionStack();

    /// <summary>Into A; scratch words below <paramref name="depth"/> are kept.</summary>
    private bool Load(FilterValue value, int depth)
    {
        if (depth >= ClassicProgram.ScratchWords || !IsRoom())
        {
            return false;
        }

        switch (value)
        {
            case ConstantValue constant:
                Add(0x00, constant.Number);
                return true;
            case LengthValue:
                Add(0x80);
                return true;
            case FixedValue place:
                Add((ushort)(0x20 | (int)place.Size), place.Offset);
                return true;
            case BehindHeaderValue { Offset: ConstantValue offset } behind:
                Add(0xb1, behind.Header);
                Add((ushort)(0x40 | (int)behind.Size), behind.Header + offset.Number);
                return true;
            case BehindHeaderValue behind:
                if (!Load(behind.Offset, depth))
                {
                    return false;
                }

                Add(0xb1, behind.Header);
                Add(0x0c);
                Add(0x07);
                Add((ushort)(0x40 | (int)behind.Size), behind.Header);
                return true;
            case ComputedValue { Offset: ConstantValue offset } computed:
                Add((ushort)(0x20 | (int)computed.Size), computed.Base + offset.Number);
                return true;
            case ComputedValue computed:
                if (!Load(computed.Offset, depth))
                {
                    return false;
                }

                Add(0x07);
                Add((ushort)(0x40 | (int)computed.Size), computed.Base);
                return true;
            case NegatedValue negated:
                if (!Load(negated.Inner, depth))
                {
                    return false;
                }

                Add(0x84);
                return true;
            default:
                var arithmetic = (ArithmeticValue)value;
                if (arithmetic.Right is ConstantValue right && IsAllowed(arithmetic.Operation, right.Number))
                {
                    if (!Load(arithmetic.Left, depth))
                    {
                        return false;
                    }

                    Add((ushort)(0x04 | (int)arithmetic.Operation), right.Number);
                    return true;
                }

                if (!LoadPair(arithmetic.Left, arithmetic.Right, depth))
                {
                    return false;
                }

                Add((ushort)(0x0c | (int)arithmetic.Operation));
                return true;
        }
    }

    /// <summary>The left value into A, the right one into X.</summary>
    private bool LoadPair(FilterValue left, FilterValue right, int depth)
    {
        if (!Load(left, depth))
        {
            return false;
        }

        Add(0x02, (uint)depth);
        if (!Load(right, depth + 1))
        {
            return false;
        }

        Add(0x07);
        Add(0x60, (uint)depth);
        return true;
    }

    // What Linux does not take as a constant is given in X, where it has its meaning: a division by 0 rejects the packet.
    private static bool IsAllowed(ArithmeticOperation operation, uint constant) => operation switch
    {
        ArithmeticOperation.Div or ArithmeticOperation.Mod => constant != 0,
        ArithmeticOperation.Lsh or ArithmeticOperation.Rsh => constant < 32,
        _ => true,
    };

    private void Add(ushort code, uint k = 0) => _lines.Add(new Line(new(code, 0, 0, k)));

    private ClassicProgram? Assemble()
    {
        int[] starts = new int[_lines.Count];
        bool changes = true;
        while (changes)
        {
            int at = 0;
            for (int i = 0; i < starts.Length; i++)
            {
                starts[i] = at;
                at += _lines[i].Length;
            }

            changes = false;
            for (int i = 0; i < starts.Length; i++)
            {
                Line line = _lines[i];
                if (line is { IfTrue: { } yes, IsTrueFar: false } && starts[yes.Place] - starts[i] - 1 > byte.MaxValue)
                {
                    line.IsTrueFar = changes = true;
                }

                if (line is { IfFalse: { } no, IsFalseFar: false } && starts[no.Place] - starts[i] - 1 > byte.MaxValue)
                {
                    line.IsFalseFar = changes = true;
                }
            }
        }

        var code = new List<ClassicInstruction>();
        for (int i = 0; i < starts.Length; i++)
        {
            Line line = _lines[i];
            if (line is not { IfTrue: { } yes, IfFalse: { } no })
            {
                code.Add(line.Instruction);
                continue;
            }

            int next = starts[i] + 1;
            int trueDistance = line.IsTrueFar ? 0 : starts[yes.Place] - next;
            int falseDistance = line.IsFalseFar ? (line.IsTrueFar ? 1 : 0) : starts[no.Place] - next;
            code.Add(line.Instruction with { IfTrue = (byte)trueDistance, IfFalse = (byte)falseDistance });
            if (line.IsTrueFar)
            {
                code.Add(new(0x05, 0, 0, (uint)(starts[yes.Place] - next - 1)));
            }

            if (line.IsFalseFar)
            {
                code.Add(new(0x05, 0, 0, (uint)(starts[no.Place] - next - (line.IsTrueFar ? 2 : 1))));
            }
        }

        return code.Count <= ClassicProgram.MaxLength ? new ClassicProgram([.. code]) : null;
    }
}
