namespace Osmia.Verification.KernelLog;

/// <summary>To which family a complaint of the kernel belongs, by a part of it. The first row that fits is used.</summary>
internal static class KernelMessages
{
    private static readonly (string Part, CheckFamily Family)[] s_rows =
    [
        ("!read_ok", CheckFamily.Uninitialised),
        ("_or_null'", CheckFamily.NullCheck),
        ("null-check it first", CheckFamily.NullCheck),
        ("Possibly NULL pointer", CheckFamily.NullCheck),
        ("invalid mem access", CheckFamily.Dereference),
        ("invalid access to packet", CheckFamily.PacketBounds),
        ("outside of the packet", CheckFamily.PacketBounds),
        ("misaligned packet access", CheckFamily.PacketBounds),
        ("min value is negative, either use unsigned or 'var &= const'", CheckFamily.CallArgument),
        ("unbounded memory access, use 'var &= const'", CheckFamily.CallArgument),
        ("invalid zero-sized read", CheckFamily.CallArgument),
        ("misaligned access", CheckFamily.MemoryBounds),
        ("misaligned value access", CheckFamily.MemoryBounds),
        ("invalid access to m", CheckFamily.MemoryBounds),
        ("outside of the allowed memory range", CheckFamily.MemoryBounds),
        ("unbounded memory access", CheckFamily.MemoryBounds),
        ("min value is negative", CheckFamily.MemoryBounds),
        ("invalid size of register", CheckFamily.StackUse),
        ("misaligned stack access", CheckFamily.StackUse),
        ("stack R", CheckFamily.StackUse),
        ("from stack", CheckFamily.StackUse),
        ("spilled pointer", CheckFamily.StackUse),
        ("frame pointer is read only", CheckFamily.StackUse),
        ("variable stack access", CheckFamily.StackUse),
        ("variable-offset stack", CheckFamily.StackUse),
        ("math between", CheckFamily.PointerArithmetic),
        ("pointer arithmetic", CheckFamily.PointerArithmetic),
        ("pointer += pointer", CheckFamily.PointerArithmetic),
        ("pointer operation", CheckFamily.PointerArithmetic),
        ("subtract", CheckFamily.PointerArithmetic),
        ("value is out of bounds", CheckFamily.PointerArithmetic),
        ("bpf_context access", CheckFamily.ContextAccess),
        ("ctx ptr", CheckFamily.ContextAccess),
        ("ctx access", CheckFamily.ContextAccess),
        ("dynptr", CheckFamily.Objects),
        ("an initialized iter", CheckFamily.Objects),
        ("uninitialized iter", CheckFamily.Objects),
        ("irq flag", CheckFamily.Objects),
        ("reference", CheckFamily.References),
        ("At program exit", CheckFamily.ReturnValue),
        ("At callback return", CheckFamily.ReturnValue),
        ("At async callback return", CheckFamily.ReturnValue),
        ("infinite loop detected", CheckFamily.EndlessLoop),
        ("back-edge", CheckFamily.EndlessLoop),
        ("program is too large", CheckFamily.Limits),
        ("too complex", CheckFamily.Limits),
        ("combined stack size", CheckFamily.StackSpace),
        ("call stack of", CheckFamily.StackSpace),
        ("cannot use helper", CheckFamily.Allowance),
        ("unknown func", CheckFamily.Allowance),
        ("GPL", CheckFamily.Allowance),
        ("not allowed", CheckFamily.Allowance),
        ("forbidden", CheckFamily.Allowance),
        ("cannot write into packet", CheckFamily.Allowance),
        ("expected=", CheckFamily.CallArgument),
        ("cannot pass map_type", CheckFamily.CallArgument),
        ("arg#", CheckFamily.CallArgument),
        ("unreachable insn", CheckFamily.ControlFlow),
        ("out of range", CheckFamily.ControlFlow),
        ("last insn is not an exit", CheckFamily.ControlFlow),
        ("BPF_ATOMIC uses", CheckFamily.Encoding),
        ("div by zero", CheckFamily.Encoding),
        ("invalid shift", CheckFamily.Encoding),
        ("reserved fields", CheckFamily.Encoding),
        ("unknown opcode", CheckFamily.Encoding),
    ];

    /// <summary>Null for a complaint of no known family.</summary>
    public static CheckFamily? FamilyOf(IReadOnlyList<string> message)
    {
        foreach (string line in message)
        {
            foreach ((string part, CheckFamily family) in s_rows)
            {
                if (line.Contains(part, StringComparison.Ordinal))
                {
                    return family;
                }
            }
        }

        return null;
    }
}
