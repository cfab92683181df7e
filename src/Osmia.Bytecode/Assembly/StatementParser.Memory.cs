namespace Osmia.Bytecode.Assembly;

internal sealed partial class StatementParser
{
    /// <summary><c>*(u32 *)(r2 + 8)</c> or <c>*(u32 *)skb[14]</c> behind <c>r1 =</c>.</summary>
    private bool Load(int destination, bool is32)
    {
        source.Take("*");
        source.SkipSpace();
        int start = source.Position;
        if (!PointerType(out Size size, out bool isSigned))
        {
            return false;
        }

        if (isSigned && size == Size.Dw)
        {
            return Fail(AssemblyErrors.NoSuchInstruction("a load of 64 bits extends nothing", "there is no wider register", "write u64"), start);
        }

        if (is32 && (isSigned || size == Size.Dw))
        {
            return Fail(AssemblyErrors.NoSuchInstruction("this load fills a whole register", "it has 64 bits or extends to 64", $"write r{destination}"), start);
        }

        if (source.TakeWord("skb"))
        {
            return (!isSigned && size != Size.Dw) ? LoadPacket(destination, size) : Fail(AssemblyErrors.NoSuchInstruction("packet loads take u8, u16 or u32", "there are no others"), start);
        }

        int opcode = (int)InstructionClass.Ldx | (int)size | (int)(isSigned ? Mode.MemSx : Mode.Mem);
        return PlaceInParentheses(out int register, out short offset) && Add((byte)opcode, destination, register, offset);
    }

    /// <summary><c>[14]</c>, <c>[r2]</c>, <c>[r2 + 14]</c> behind <c>skb</c>.</summary>
    private bool LoadPacket(int destination, Size size)
    {
        int opcode = (int)InstructionClass.Ld | (int)size;
        if (destination != 0)
        {
            return Fail(AssemblyErrors.NoSuchInstruction("a packet load fills r0", "the instruction has no field for another register", "write r0"));
        }

        if (!Expect("["))
        {
            return false;
        }

        if (IsNumber())
        {
            return Immediate32(out int place) && Expect("]") && Add((byte)(opcode | (int)Mode.Abs), immediate: place);
        }

        if (!Register64(out int register))
        {
            return false;
        }

        int offset = 0;
        bool isNegative = source.Take("-");
        if (isNegative || source.Take("+"))
        {
            // The kernel prints "r2 + -5".
            if (!Number(int.MinValue, 1L << 31, "an offset of 32 bits", out long value))
            {
                return false;
            }

            value = isNegative ? -value : value;
            if (value is < int.MinValue or > int.MaxValue)
            {
                return Fail(AssemblyErrors.Number($"{value} is out of range", "an offset in a packet has 32 bits"));
            }

            offset = (int)value;
        }

        return Expect("]") && Add((byte)(opcode | (int)Mode.Ind), 0, register, 0, offset);
    }

    /// <summary><c>*(u32 *)(r1 + 8) = r2</c> or a number.</summary>
    private bool Store()
    {
        source.Take("*");
        if (!Pointer(out Size size, out int register, out short offset) || !Expect("="))
        {
            return false;
        }

        if (IsNumber())
        {
            return Immediate32(out int value) && Add((byte)((int)InstructionClass.St | (int)Mode.Mem | (int)size), register, 0, offset, value);
        }

        return StoredRegister(size, out int operand) && Add((byte)((int)InstructionClass.Stx | (int)Mode.Mem | (int)size), register, operand, offset);
    }

    /// <summary>What is stored: <c>r2</c>, or <c>w2</c> when the memory is not wider.</summary>
    private bool StoredRegister(Size size, out int operand)
    {
        source.SkipSpace();
        int start = source.Position;
        return AnyRegister(out operand, out bool is32)
            && (!is32 || size != Size.Dw || Fail(AssemblyErrors.NoSuchInstruction("half a register does not fill 64 bits", "the memory is wider than the register", $"write r{operand}"), start));
    }

    /// <summary><c>load_acquire((u32 *)(r2 + 8))</c>.</summary>
    private bool LoadAcquire(int destination, bool is32)
    {
        source.TakeWord("load_acquire");
        source.SkipSpace();
        int start = source.Position;
        return Expect("(") && Pointer(out Size size, out int register, out short offset) && Expect(")")
            && (!is32 || size != Size.Dw || Fail(MixedWidths(), start))
            && AddAtomic(size, destination, register, offset, AtomicOperation.LoadAcquire);
    }

    /// <summary><c>store_release((u32 *)(r1 + 8), r2)</c>.</summary>
    private bool StoreRelease() =>
        Expect("(") && Pointer(out Size size, out int register, out short offset) && Expect(",") && StoredRegister(size, out int operand) && Expect(")")
        && AddAtomic(size, register, operand, offset, AtomicOperation.StoreRelease);

    /// <summary><c>lock *(u64 *)(r1 + 8) += r2</c>.</summary>
    private bool LockedAssignment()
    {
        if (!Expect("*"))
        {
            return false;
        }

        source.SkipSpace();
        int start = source.Position;
        if (!Pointer(out Size size, out int register, out short offset))
        {
            return false;
        }

        int operation = source.Take("+=") ? AtomicOperation.Add : source.Take("|=") ? AtomicOperation.Or
            : source.Take("&=") ? AtomicOperation.And : source.Take("^=") ? AtomicOperation.Xor : -1;
        return (operation >= 0 || Fail(AssemblyErrors.Expected("'+=', '|=', '&=' or '^='", FoundHere())))
            && WideEnough(size, start)
            && StoredRegister(size, out int operand)
            && AddAtomic(size, register, operand, offset, operation);
    }

    private bool WideEnough(Size size, int start) => size is Size.W or Size.Dw
        || Fail(AssemblyErrors.NoSuchInstruction($"there is no atomic operation on {size.InBytes()} bytes", "only load_acquire and store_release work on fewer than 4"), start);

    /// <summary>Which function of the text: its operation, the size its name says (null: its pointer says it), whether it compares.</summary>
    private readonly record struct AtomicForm(int Operation, Size? Size, bool HasPointer);

    private static bool FindAtomic(ReadOnlySpan<char> word, out AtomicForm form)
    {
        AtomicForm? found = word switch
        {
            // llvm
            "atomic_fetch_add" => new(AtomicOperation.Add | AtomicOperation.Fetch, null, true),
            "atomic_fetch_or" => new(AtomicOperation.Or | AtomicOperation.Fetch, null, true),
            "atomic_fetch_and" => new(AtomicOperation.And | AtomicOperation.Fetch, null, true),
            "atomic_fetch_xor" => new(AtomicOperation.Xor | AtomicOperation.Fetch, null, true),
            "xchg_64" => new(AtomicOperation.Exchange, Size.Dw, false),
            "xchg32_32" => new(AtomicOperation.Exchange, Size.W, false),
            "cmpxchg_64" => new(AtomicOperation.CompareExchange, Size.Dw, false),
            "cmpxchg32_32" => new(AtomicOperation.CompareExchange, Size.W, false),

            // The kernel; without a number it is 32 bits, as is llvm's with a pointer to them.
            "atomic64_fetch_add" => new(AtomicOperation.Add | AtomicOperation.Fetch, Size.Dw, true),
            "atomic64_fetch_or" => new(AtomicOperation.Or | AtomicOperation.Fetch, Size.Dw, true),
            "atomic64_fetch_and" => new(AtomicOperation.And | AtomicOperation.Fetch, Size.Dw, true),
            "atomic64_fetch_xor" => new(AtomicOperation.Xor | AtomicOperation.Fetch, Size.Dw, true),
            "atomic_xchg" => new(AtomicOperation.Exchange, Size.W, true),
            "atomic64_xchg" => new(AtomicOperation.Exchange, Size.Dw, true),
            "atomic_cmpxchg" => new(AtomicOperation.CompareExchange, Size.W, true),
            "atomic64_cmpxchg" => new(AtomicOperation.CompareExchange, Size.Dw, true),
            _ => null,
        };
        form = found ?? default;
        return found is not null;
    }

    /// <summary><c>r2 = atomic_fetch_add((u64 *)(r1 + 8), r2)</c> and its like.</summary>
    private bool Atomic(int result, bool is32, AtomicForm form)
    {
        source.SkipSpace();
        int start = source.Position;
        int register = 0;
        short offset = 0;
        Size size = form.Size ?? Size.Dw;
        if (!Expect("("))
        {
            return false;
        }

        if (form.HasPointer ? !Pointer(out size, out register, out offset) : !Place(out register, out offset))
        {
            return false;
        }

        if (!WideEnough(size, start))
        {
            return false;
        }

        if (form.Size is { } named && named != size)
        {
            return Fail(AssemblyErrors.NoSuchInstruction("the name and the pointer have different widths", "atomic64_ works on u64, atomic_ on u32"), start);
        }

        if (is32 && size == Size.Dw)
        {
            return Fail(MixedWidths(), start);
        }

        bool compares = form.Operation == AtomicOperation.CompareExchange;
        if (compares && !(Expect(",") && FixedRegister(0, is32, "a compare-exchange compares with r0")))
        {
            return false;
        }

        if (compares && result != 0)
        {
            return Fail(AssemblyErrors.NoSuchInstruction("a compare-exchange leaves the old value in r0", "the instruction has no field for another register"), start);
        }

        source.SkipSpace();
        return Expect(",") && (compares ? RegisterOfWidth(is32, out int operand) : FixedRegister(result, is32, "it returns the old value in the register it takes the new one from", out operand))
            && Expect(")") && AddAtomic(size, register, operand, offset, form.Operation);
    }

    private bool FixedRegister(int number, bool is32, string why) => FixedRegister(number, is32, why, out _);

    private bool FixedRegister(int number, bool is32, string why, out int found)
    {
        source.SkipSpace();
        int start = source.Position;
        return RegisterOfWidth(is32, out found)
            && (found == number || Fail(AssemblyErrors.NoSuchInstruction($"expected {(is32 ? 'w' : 'r')}{number} here", why), start));
    }

    private bool AddAtomic(Size size, int destination, int operand, short offset, int operation) =>
        Add((byte)((int)InstructionClass.Stx | (int)Mode.Atomic | (int)size), destination, operand, offset, operation);
}
