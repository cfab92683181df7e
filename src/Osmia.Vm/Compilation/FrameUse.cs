using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>
/// How much of its frame a function can see. As long as the frame pointer is only added constants to, and handed to helpers, which read
/// upwards, that is what lies above the lowest address made; otherwise all of it. A program that nobody verified may have the frame's address from elsewhere, so whatever it reaches through
/// a pointer of unknown origin, or hands to a helper, may be the frame. Where it leaves for the interpreter, that clears the rest.
/// </summary>
internal sealed class FrameUse
{
    private readonly bool _escapes;
    private int _lowest;

    public FrameUse(IEnumerable<Statement> statements, ProgramSurroundings around)
    {
        foreach (Statement statement in statements)
        {
            bool isAccess = statement.Kind is StatementKind.Load or StatementKind.Store or StatementKind.Atomic;
            _escapes |= statement.Kind is StatementKind.TailCall or StatementKind.CallLocal || statement.Access is { Check: AccessCheck.Frame };
            _escapes |= !isAccess && Escapes(statement.A, isAddress: statement.Kind is StatementKind.ArrayLookup or StatementKind.HashLookup);
            _escapes |= isAccess && Escapes(statement.A, isAddress: statement.Access!.Check == AccessCheck.None);
            _escapes |= Escapes(statement.B, isAddress: false) || Escapes(statement.C, isAddress: false);
            _escapes |= !around.IsVerified && statement.Access is { IsFirm: false, Check: not AccessCheck.None };
            foreach (Node argument in statement.Arguments)
            {
                _escapes |= MayShowFrame(argument, around);
                _escapes |= Escapes(argument, isAddress: statement.Kind == StatementKind.CallHelper);
            }
        }
    }

    public int Bytes => _escapes ? ExecutionSlot.FrameSize : Math.Min(-_lowest, ExecutionSlot.FrameSize);

    /// <summary>Whether something that nobody verified may read the frame where no statement names it.</summary>
    public static bool IsReadUnnamed(IEnumerable<Statement> statements, ProgramSurroundings around) => !around.IsVerified && statements.Any(statement =>
        statement.Kind == StatementKind.CallLocal || statement.Access is { Check: not (AccessCheck.None or AccessCheck.NotNull) } || Array.Exists(statement.Arguments, argument => MayShowFrame(argument, around)));

    /// <summary>
    /// An argument that is a callback, whose caller's frame lies above its own; or may be the frame's address where nobody verified: a slot keeps its stack, so a program may even be written
    /// with the address in it.
    /// </summary>
    private static bool MayShowFrame(Node argument, ProgramSurroundings around) =>
        argument.IsConstant ? FunctionPointer.TryRead(argument.Value, out _) || (!around.IsVerified && argument.Value is > uint.MaxValue and <= long.MaxValue && !around.IsInMap(argument.Value))
        : !around.IsVerified && argument is { Kind: not NodeKind.FramePointer, Web: not { Fact.IsCertain: true } };

    private bool Escapes(Node? node, bool isAddress)
    {
        switch (node?.Kind)
        {
            case null:
                return false;
            case NodeKind.FramePointer:
                _lowest = (int)Math.Min(_lowest, Math.Max((long)node.Value, -ExecutionSlot.FrameSize));
                return !isAddress;
            case NodeKind.Load:
                return Escapes(node.Left, isAddress: true);
            default:
                return Escapes(node.Left, isAddress: false) || Escapes(node.Right, isAddress: false);
        }
    }
}
