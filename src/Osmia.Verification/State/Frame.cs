using Osmia.Bytecode;
using Osmia.Verification.Domains;

namespace Osmia.Verification.State;

/// <summary>What is known of one byte of the stack.</summary>
internal enum StackByte : byte
{
    /// <summary>Never written.</summary>
    Invalid,

    /// <summary>Part of <see cref="StackSlot.Spilled"/>.</summary>
    Spill,

    /// <summary>Written with something unknown.</summary>
    Misc,
    Zero,

    /// <summary>Part of a dynptr, an iterator or saved interrupt flags: <see cref="StackSlot.Spilled"/> says of which.</summary>
    Dynptr,
    Iterator,
    IrqFlag,
}

/// <summary>Eight bytes of the stack: a spilled register, or bytes of their own kinds.</summary>
internal struct StackSlot
{
    public const int Size = 8;
    private const ulong Each = 0x0101_0101_0101_0101;

    public RegisterState Spilled;
    private ulong _bytes;

    /// <summary>By the byte's place in memory, 0 the lowest address.</summary>
    public readonly StackByte this[int index] => (StackByte)(_bytes >> (index * 8));

    /// <summary>A register stands here, whole or its low bytes: always from the slot's lowest address on.</summary>
    public readonly bool IsSpill => this[0] == StackByte.Spill;

    /// <summary>Nothing is known of any byte: each is <see cref="StackByte.Misc"/>, or <see cref="StackByte.Invalid"/>, which is 0.</summary>
    public readonly bool IsUnknownBytes => (_bytes & ~(Each * (byte)StackByte.Misc)) == 0;

    /// <summary>Part of a dynptr, an iterator or saved interrupt flags.</summary>
    public readonly bool IsObject => this[0] >= StackByte.Dynptr;

    /// <summary>Bytes of the spilled register.</summary>
    public readonly int SpilledSize
    {
        get
        {
            int size = 0;
            while (size < Size && this[size] == StackByte.Spill)
            {
                size++;
            }

            return size;
        }
    }

    /// <summary>A pointer or a number of 64 bits stands here.</summary>
    public readonly bool IsFullSpill => _bytes == Each * (byte)StackByte.Spill;

    public readonly ulong Bytes => _bytes;

    public void Set(int index, StackByte kind) => _bytes = (_bytes & ~(0xffUL << (index * 8))) | ((ulong)kind << (index * 8));

    public void Fill(StackByte kind) => _bytes = Each * (byte)kind;

    /// <summary>A register, or as many of its low bytes, stored at the slot's lowest address.</summary>
    public void Spill(in RegisterState register, int size)
    {
        Spilled = register;
        for (int i = 0; i < Size; i++)
        {
            if (i < size)
            {
                Set(i, StackByte.Spill);
            }
            else if (this[i] == StackByte.Spill)
            {
                Set(i, StackByte.Misc);
            }
        }
    }

    /// <summary>A slot of a dynptr, an iterator or saved interrupt flags.</summary>
    public void Place(in RegisterState part, StackByte kind)
    {
        Spilled = part;
        Fill(kind);
    }

    /// <summary>As if it had never been written.</summary>
    public void Clear()
    {
        Spilled = default;
        Fill(StackByte.Invalid);
    }

    /// <summary>The spilled register, or the object, is no longer whole: of all bytes that were written nothing is known, whatever they were.</summary>
    public void Break()
    {
        for (int i = 0; i < Size && (IsSpill || IsObject); i++)
        {
            // The first byte, which tells, last.
            int place = Size - 1 - i;
            if (this[place] != StackByte.Invalid)
            {
                Set(place, StackByte.Misc);
            }
        }

        Spilled = default;
    }
}

/// <summary>One function call on the way: registers and stack.</summary>
internal sealed class Frame
{
    public const int StackSize = 512;

    public RegisterState[] Registers { get; private init; } = new RegisterState[11];

    /// <summary>Slot 0 is the one right below r10; as many as the function has touched.</summary>
    public StackSlot[] Stack { get; private set; } = [];

    public int Number { get; private init; }

    /// <summary>First slot of the function.</summary>
    public int Function { get; private init; }

    /// <summary>What is known of reads of its stack; looked up when it is needed first.</summary>
    public Walk.CallChain? Chain { get; set; }

    /// <summary>The call that made the frame; -1 for the entry.</summary>
    public int CallSlot { get; private init; }

    /// <summary>Of a callback what it may return; null for other functions.</summary>
    public ReturnRange? CallbackReturns { get; private init; }

    /// <summary>How often the call this frame is at has been walked with its callback.</summary>
    public int CallbackDepth { get; set; }

    public static Frame Create(int number, int function, int callSlot, ReturnRange? callbackReturns = null)
    {
        var frame = new Frame { Number = number, Function = function, CallSlot = callSlot, CallbackReturns = callbackReturns };
        frame.Registers[10] = RegisterState.Pointer(RegisterKind.Stack) with { Frame = number };
        return frame;
    }

    public Frame Copy() => new()
    {
        Number = Number,
        Function = Function,
        CallSlot = CallSlot,
        Chain = Chain,
        CallbackReturns = CallbackReturns,
        CallbackDepth = CallbackDepth,
        Registers = (RegisterState[])Registers.Clone(),
        Stack = (StackSlot[])Stack.Clone(),
    };

    /// <summary>Bytes below r10 that the function has touched so far on this path.</summary>
    public int Depth => Stack.Length * StackSlot.Size;

    /// <summary>Makes the stack hold the byte at a negative offset from r10.</summary>
    public void Reach(int offset)
    {
        int slots = (-offset + StackSlot.Size - 1) / StackSlot.Size;
        if (slots > Stack.Length)
        {
            StackSlot[] grown = new StackSlot[slots];
            Stack.CopyTo(grown, 0);
            Stack = grown;
        }
    }

    /// <summary>The slot of a byte below r10 and the byte's place in it.</summary>
    public static (int Slot, int Index) Place(int offset) => ((-offset - 1) / StackSlot.Size, (offset & (StackSlot.Size - 1)));

    public void ForEachRegister(RefAction action)
    {
        for (int i = 0; i < Registers.Length; i++)
        {
            action(ref Registers[i]);
        }

        for (int i = 0; i < Stack.Length; i++)
        {
            if (Stack[i].IsSpill)
            {
                action(ref Stack[i].Spilled);
            }
        }
    }

    public delegate void RefAction(ref RegisterState register);
}
