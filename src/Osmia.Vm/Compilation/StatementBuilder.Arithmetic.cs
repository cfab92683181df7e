using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>RFC 9669 section 4.1 and 4.2 as trees.</summary>
internal sealed unsafe partial class StatementBuilder
{
    private void Arithmetic(int slot, in DecodedInstruction i)
    {
        switch (i.Op)
        {
            case Op.Mov64K or Op.Mov32K:
                Define(slot, i.Destination, Node.Constant(i.Op == Op.Mov32K ? (uint)i.Immediate : (ulong)i.Immediate));
                return;
            case Op.Mov64X:
                Define(slot, i.Destination, Use(i.Source));
                return;
            case Op.Mov32X:
                Define(slot, i.Destination, Node.Narrow(Use(i.Source)));
                return;
            case >= Op.MovSx32From8 and <= Op.MovSx64From32:
                Define(slot, i.Destination, SignExtended(i.Op, Node.Narrow(Use(i.Source))));
                return;
            case Op.Neg64K:
                Define(slot, i.Destination, Node.Unary(NodeKind.Negate, true, Wide(i.Destination)));
                return;
            case Op.Neg32K:
                Define(slot, i.Destination, Node.Unary(NodeKind.Negate, false, Node.Narrow(Use(i.Destination))));
                return;
            case Op.Truncate16:
                Define(slot, i.Destination, Node.Unary(NodeKind.ZeroExtend16, false, Node.Narrow(Use(i.Destination))));
                return;
            case Op.Truncate32:
                Define(slot, i.Destination, Node.Narrow(Use(i.Destination)));
                return;
            case Op.Truncate64:
                Define(slot, i.Destination, Use(i.Destination));
                return;
            case Op.Swap16:
                Define(slot, i.Destination, Node.Unary(NodeKind.Swap16, false, Node.Narrow(Use(i.Destination))));
                return;
            case Op.Swap32:
                Define(slot, i.Destination, Node.Unary(NodeKind.Swap32, false, Node.Narrow(Use(i.Destination))));
                return;
            case Op.Swap64:
                Define(slot, i.Destination, Node.Unary(NodeKind.Swap64, true, Wide(i.Destination)));
                return;
        }

        int index = i.Op >= Op.SDiv32K ? i.Op - Op.SDiv32K : i.Op - Op.Add32K;
        NodeKind kind = i.Op >= Op.SMod32K ? NodeKind.SignedModulo : i.Op >= Op.SDiv32K ? NodeKind.SignedDivide : KindOf(index >> 2);
        (Node left, Node right) = Operands(i, (index & 1) != 0);
        Node value = (index & 2) != 0 ? Node.Binary64(kind, left, right) : Node.Binary32(kind, Node.Narrow(left), Node.Narrow(right));
        if (kind == NodeKind.ShiftRight && BitPatterns.Find(value, AssignedTo, out List<Web> bypassed) is { } shorter)
        {
            value = shorter;
            bypassed.ForEach(Forget);
        }

        Define(slot, i.Destination, value);
    }

    private Node? AssignedTo(Web web) => _assigned.Find(assigned => assigned.Result == web)?.A;

    /// <summary>Takes back an assignment whose variable nothing reads any more.</summary>
    private void Forget(Web web)
    {
        // Definitions within patterns are read twice.
        Statement assigned = _assigned.Find(assigned => assigned.Result == web)!;
        int index = _statements.IndexOf(assigned);
        if (web is { Definitions: 1, Uses: 2, CrossesBlocks: false } && !_pending.Exists(pending => pending.Value.Reads(web)) && !_statements.Skip(index + 1).Any(statement => statement.Reads(web)))
        {
            _assigned.Remove(assigned);
            _statements.RemoveAt(index);
        }
    }

    private static NodeKind KindOf(int operation) => operation switch
    {
        0 => NodeKind.Add,
        1 => NodeKind.Subtract,
        2 => NodeKind.Multiply,
        3 => NodeKind.Divide,
        4 => NodeKind.Or,
        5 => NodeKind.And,
        6 => NodeKind.ShiftLeft,
        7 => NodeKind.ShiftRight,
        9 => NodeKind.Modulo,
        10 => NodeKind.Xor,
        12 => NodeKind.ShiftRightSigned,
        _ => throw new InvalidOperationException($"operation {operation} has no tree"),
    };

    private static Node SignExtended(Op op, Node low) => op switch
    {
        Op.MovSx32From8 => Node.Unary(NodeKind.SignExtend8, false, low),
        Op.MovSx32From16 => Node.Unary(NodeKind.SignExtend16, false, low),
        Op.MovSx64From8 => Node.Unary(NodeKind.SignExtend8, true, low),
        Op.MovSx64From16 => Node.Unary(NodeKind.SignExtend16, true, low),
        _ => Node.Unary(NodeKind.SignExtend32, true, low),
    };
}
