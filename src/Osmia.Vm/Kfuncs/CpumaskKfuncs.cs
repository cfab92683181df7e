using System.Numerics;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Kfuncs;

/// <summary>bpf_cpumask_*: sets of CPUs, of which an engine has as many as slots.</summary>
/// <remarks>Source: Documentation/bpf/cpumasks.rst. A mask has 128 bytes, as where NR_CPUS is 1024, so that programs may look into it.</remarks>
internal static unsafe class CpumaskKfuncs
{
    private const uint Size = 128;
    private const int BitsPerWord = 64;
    private const int Words = (int)Size / sizeof(ulong);

    public static ulong Create(ExecutionSlot slot, ulong* r) => ObjectKfuncs.Make(slot, Size);

    /// <summary>bpf_cpumask_populate(mask, source, size).</summary>
    public static ulong Populate(ExecutionSlot slot, ulong* r)
    {
        ulong* mask = Mask(slot, 1);
        int length = slot.LengthArgument(3);
        byte* source = slot.ReadableArgument(2, (ulong)length);
        if (length > Size || length < (Cpus(slot) + 7) / 8)
        {
            return Errno.Negative(Errno.Access);
        }

        new Span<ulong>(mask, Words).Clear();
        new ReadOnlySpan<byte>(source, length).CopyTo(new Span<byte>(mask, (int)Size));
        return 0;
    }

    public static ulong First(ExecutionSlot slot, ulong* r) => FirstOf(slot, Mask(slot, 1), null, flips: false);

    public static ulong FirstZero(ExecutionSlot slot, ulong* r) => FirstOf(slot, Mask(slot, 1), null, flips: true);

    public static ulong FirstAnd(ExecutionSlot slot, ulong* r) => FirstOf(slot, Mask(slot, 1), Mask(slot, 2), flips: false);

    public static ulong SetCpu(ExecutionSlot slot, ulong* r) => Change(slot, true, out _) ? 0ul : 0;

    public static ulong ClearCpu(ExecutionSlot slot, ulong* r) => Change(slot, false, out _) ? 0ul : 0;

    public static ulong TestAndSet(ExecutionSlot slot, ulong* r) => Change(slot, true, out bool was) && was ? 1ul : 0;

    public static ulong TestAndClear(ExecutionSlot slot, ulong* r) => Change(slot, false, out bool was) && was ? 1ul : 0;

    public static ulong Test(ExecutionSlot slot, ulong* r)
    {
        uint cpu = (uint)r[1];
        ulong* mask = Mask(slot, 2);
        return cpu < Cpus(slot) ? (mask[cpu / BitsPerWord] >> (int)(cpu % BitsPerWord)) & 1 : 0;
    }

    public static ulong SetAll(ExecutionSlot slot, ulong* r)
    {
        ulong* mask = Mask(slot, 1);
        for (int i = 0; i < Words; i++)
        {
            mask[i] = Valid(slot, i);
        }

        return 0;
    }

    public static ulong Clear(ExecutionSlot slot, ulong* r)
    {
        new Span<ulong>(Mask(slot, 1), Words).Clear();
        return 0;
    }

    public static ulong And(ExecutionSlot slot, ulong* r) => Combine(slot, static (a, b) => a & b) ? 1ul : 0;

    public static ulong Or(ExecutionSlot slot, ulong* r) => Combine(slot, static (a, b) => a | b) ? 0ul : 0;

    public static ulong Xor(ExecutionSlot slot, ulong* r) => Combine(slot, static (a, b) => a ^ b) ? 0ul : 0;

    public static ulong Equal(ExecutionSlot slot, ulong* r) => Holds(slot, static (a, b) => a == b);

    public static ulong Intersects(ExecutionSlot slot, ulong* r) => 1 - Holds(slot, static (a, b) => (a & b) == 0);

    public static ulong Subset(ExecutionSlot slot, ulong* r) => Holds(slot, static (a, b) => (a & ~b) == 0);

    public static ulong Empty(ExecutionSlot slot, ulong* r) => Weight(slot, r) == 0 ? 1ul : 0;

    public static ulong Full(ExecutionSlot slot, ulong* r) => Weight(slot, r) == Cpus(slot) ? 1ul : 0;

    public static ulong Weight(ExecutionSlot slot, ulong* r)
    {
        ulong* mask = Mask(slot, 1);
        int weight = 0;
        for (int i = 0; i < Words; i++)
        {
            weight += BitOperations.PopCount(mask[i] & Valid(slot, i));
        }

        return (ulong)weight;
    }

    public static ulong Copy(ExecutionSlot slot, ulong* r)
    {
        new ReadOnlySpan<ulong>(Mask(slot, 2), Words).CopyTo(new Span<ulong>(Mask(slot, 1), Words));
        return 0;
    }

    private static ulong* Mask(ExecutionSlot slot, int argument)
    {
        byte* mask = slot.WritableArgument(argument, Size);
        if ((ulong)mask % sizeof(ulong) != 0)
        {
            // Atomic operations on words that are not aligned end the process on some machines.
            slot.TrapArgument(argument, "is no mask of CPUs", "a mask is aligned to 8 bytes");
        }

        return (ulong*)mask;
    }

    // A mask has room for so many, however many slots there are.
    private static uint Cpus(ExecutionSlot slot) => Math.Min((uint)slot.Engine.Slots.Count, Size * 8);

    private static ulong Valid(ExecutionSlot slot, int word)
    {
        int bits = Math.Clamp(slot.Engine.Slots.Count - (word * BitsPerWord), 0, BitsPerWord);
        return bits == BitsPerWord ? ulong.MaxValue : (1UL << bits) - 1;
    }

    private static ulong FirstOf(ExecutionSlot slot, ulong* left, ulong* right, bool flips)
    {
        for (int i = 0; i < Words; i++)
        {
            ulong word = (flips ? ~left[i] : left[i]) & (right == null ? ulong.MaxValue : right[i]) & Valid(slot, i);
            if (word != 0)
            {
                return (ulong)((i * BitsPerWord) + BitOperations.TrailingZeroCount(word));
            }
        }

        return Cpus(slot);
    }

    /// <returns>False when there is no such CPU.</returns>
    private static bool Change(ExecutionSlot slot, bool value, out bool was)
    {
        uint cpu = (uint)slot.State->Registers[1];
        ulong* mask = Mask(slot, 2);
        was = false;
        if (cpu >= Cpus(slot))
        {
            return false;
        }

        ulong bit = 1UL << (int)(cpu % BitsPerWord);
        ref ulong word = ref mask[cpu / BitsPerWord];
        was = ((value ? Interlocked.Or(ref word, bit) : Interlocked.And(ref word, ~bit)) & bit) != 0;
        return true;
    }

    /// <returns>Whether a CPU is left.</returns>
    private static bool Combine(ExecutionSlot slot, Func<ulong, ulong, ulong> operation)
    {
        ulong* target = Mask(slot, 1);
        ulong* left = Mask(slot, 2);
        ulong* right = Mask(slot, 3);
        ulong any = 0;
        for (int i = 0; i < Words; i++)
        {
            target[i] = operation(left[i], right[i]);
            any |= target[i] & Valid(slot, i);
        }

        return any != 0;
    }

    private static ulong Holds(ExecutionSlot slot, Func<ulong, ulong, bool> relation)
    {
        ulong* left = Mask(slot, 1);
        ulong* right = Mask(slot, 2);
        for (int i = 0; i < Words; i++)
        {
            if (!relation(left[i] & Valid(slot, i), right[i] & Valid(slot, i)))
            {
                return 0;
            }
        }

        return 1;
    }
}
