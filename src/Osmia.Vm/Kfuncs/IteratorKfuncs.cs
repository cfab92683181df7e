using System.Numerics;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Kfuncs;

/// <summary>bpf_iter_num_* and bpf_iter_bits_*. An iterator is the program's own memory, and what it yields lies in it: writing over it hurts nobody else.</summary>
internal static unsafe class IteratorKfuncs
{
    private const int MaxLoops = 8 * 1024 * 1024;
    private const int MaxWords = 511;
    private const int BitsPerWord = 64;

    /// <summary>struct bpf_iter_num: the number yielded last, and the end.</summary>
    public static ulong NumberNew(ExecutionSlot slot, ulong* r)
    {
        int* state = (int*)slot.WritableArgument(1, 2 * sizeof(int));
        long start = (int)r[2];
        long end = (int)r[3];
        state[0] = state[1] = 0;
        if (start > end)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (end - start > MaxLoops)
        {
            return Errno.Negative(Errno.TooBig);
        }

        state[0] = (int)(start - 1);
        state[1] = (int)end;
        return 0;
    }

    public static ulong NumberNext(ExecutionSlot slot, ulong* r)
    {
        int* state = (int*)slot.WritableArgument(1, 2 * sizeof(int));
        if ((long)unchecked(state[0] + 1) >= state[1])
        {
            state[0] = state[1] = 0;
            return 0;
        }

        state[0]++;
        return (ulong)state;
    }

    public static ulong NumberDestroy(ExecutionSlot slot, ulong* r)
    {
        *(ulong*)slot.WritableArgument(1, sizeof(ulong)) = 0;
        return 0;
    }

    /// <summary>bpf_iter_bits_new(iterator, words, number of words). The words are read now; struct bpf_iter_bits holds them or where they are, their number and the bit.</summary>
    public static ulong BitsNew(ExecutionSlot slot, ulong* r)
    {
        ulong* state = (ulong*)slot.WritableArgument(1, 2 * sizeof(ulong));
        uint words = (uint)r[3];
        state[0] = state[1] = 0;
        if (words == 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (words > MaxWords)
        {
            return Errno.Negative(Errno.TooBig);
        }

        uint bytes = words * sizeof(ulong);
        if (!slot.FindRegion(r[2], bytes, isWrite: false))
        {
            return Errno.Negative(Errno.Fault);
        }

        if (words == 1)
        {
            state[0] = Unsafe.ReadUnaligned<ulong>((void*)r[2]);
        }
        else
        {
            // The copy is an object the run holds until the iterator is destroyed.
            ulong copy = ObjectKfuncs.Make(slot, bytes);
            if (copy == 0)
            {
                return Errno.Negative(Errno.NoMemory);
            }

            Unsafe.CopyBlockUnaligned((void*)copy, (void*)r[2], bytes);
            state[0] = copy;
        }

        ((uint*)state)[2] = words * BitsPerWord;
        ((int*)state)[3] = -1;
        return 0;
    }

    public static ulong BitsNext(ExecutionSlot slot, ulong* r)
    {
        ulong* state = (ulong*)slot.WritableArgument(1, 2 * sizeof(ulong));
        uint count = ((uint*)state)[2];
        ref int bit = ref ((int*)state)[3];
        ulong* words = count <= BitsPerWord ? state : (ulong*)state[0];

        // The program may have written over its state: the words are read whole, whatever the count says.
        ulong bytes = ((ulong)count + BitsPerWord - 1) / BitsPerWord * sizeof(ulong);
        if (count == 0 || (words != state && !slot.FindRegion((ulong)words, bytes, isWrite: false)))
        {
            return 0;
        }

        uint first = (uint)(bit + 1);

        for (uint next = first; next < count;)
        {
            ulong rest = words[next / BitsPerWord] >> (int)(next % BitsPerWord);
            if (rest != 0)
            {
                slot.ChargeSteps((next - first) / BitsPerWord);
                bit = (int)(next + (uint)BitOperations.TrailingZeroCount(rest));
                return (ulong)Unsafe.AsPointer(ref bit);
            }

            next = (next | (BitsPerWord - 1)) + 1;
        }

        slot.ChargeSteps((count - Math.Min(first, count)) / BitsPerWord);
        bit = (int)count;
        return 0;
    }

    public static ulong BitsDestroy(ExecutionSlot slot, ulong* r)
    {
        ulong* state = (ulong*)slot.WritableArgument(1, 2 * sizeof(ulong));
        ObjectHeader* copy = ((uint*)state)[2] <= BitsPerWord ? null : ObjectKfuncs.HeaderAt(slot, state[0]);
        if (copy != null && slot.TryGiveObject(copy))
        {
            slot.Engine.Objects.LetGo(copy);
        }

        state[0] = state[1] = 0;
        return 0;
    }
}
