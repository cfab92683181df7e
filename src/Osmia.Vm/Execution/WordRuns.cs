using System.Runtime.CompilerServices;
using Osmia.Vm.Compilation;

namespace Osmia.Vm.Execution;

internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>
    /// Does the turns of a loop over words before the one in which it ends at once: when they are many, their words belong to the program, and the budget pays for them.
    /// </summary>
    /// <returns>Bytes of the turns done; 0 when the loop has to do them all. Register <see cref="WordPlan.From"/> holds the sum of their words, or 0.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ulong RunWords(MachineState* s, ulong bits)
    {
        WordPlan plan = new(bits);
        ulong from = s->Registers[WordPlan.From];
        ulong to = s->Registers[WordPlan.To];
        s->Registers[WordPlan.From] = 0;
        int size = 1 << plan.SizeLog;
        ulong bytes = ulong.MaxValue;
        for (int i = 0; i < plan.Bounds; i++)
        {
            bytes = Math.Min(bytes, WordRuns.BytesBefore(plan.Kind(i), plan.IsSigned(i), s->Registers[WordPlan.Value(i)], s->Registers[WordPlan.Limit(i)], size));
        }

        if (bytes < WordLoop.MinWords << plan.SizeLog || bytes > WordLoop.MaxBytes)
        {
            return 0;
        }

        bytes -= plan.LeavesWholeTurn ? (ulong)size : 0;
        if ((plan.ChecksFrom && !FindRegion(from, bytes, isWrite: false)) || (plan.ChecksTo && !FindRegion(to, bytes, isWrite: plan.Work != WordWork.Compare))
            || (plan.Work == WordWork.Copy && WordRuns.ReadsWhatItWrote(to, from, bytes)))
        {
            return 0;
        }

        if (plan.Work == WordWork.Compare)
        {
            bytes = WordRuns.CommonBytes(from, to, bytes, size);
        }

        long left = s->Budget - (long)(bytes * plan.Length >> plan.SizeLog);
        if (left < 0)
        {
            return 0;
        }

        s->Budget = left;
        switch (plan.Work)
        {
            case WordWork.Sum:
                s->Registers[WordPlan.From] = WordSums.Of(from, bytes, size);
                break;
            case WordWork.Copy:
                Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);
                break;
            case WordWork.Fill:
                WordRuns.Fill(to, bytes, from, size);
                break;
        }

        return bytes;
    }
}

/// <summary>Copies, fills and compares words one behind another: a whole number of words.</summary>
internal static unsafe class WordRuns
{
    /// <summary>Bytes of the turns before the one that meets a bound; 0 when the first one does, or none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong BytesBefore(LoopBoundKind kind, bool isSigned, ulong value, ulong limit, int size)
    {
        ulong distance = limit - value;
        bool isBelow = isSigned ? (long)value < (long)limit : value < limit;
        ulong whole = 0UL - (ulong)size;
        return kind switch
        {
            LoopBoundKind.UntilEqual => (distance & ~whole) == 0 ? distance : 0,
            LoopBoundKind.WhileBelow => isBelow ? ((distance - 1) & whole) + (ulong)size : 0,
            _ => isBelow || value == limit ? (distance & whole) + (ulong)size : 0,
        };
    }

    /// <summary>Words are copied forwards, one after the other.</summary>
    public static bool ReadsWhatItWrote(ulong to, ulong from, ulong length) => to - from < length;

    public static void Fill(ulong to, ulong length, ulong word, int size)
    {
        switch (size)
        {
            case 1:
                new Span<byte>((void*)to, (int)length).Fill((byte)word);
                break;
            case 2:
                new Span<ushort>((void*)to, (int)length / 2).Fill((ushort)word);
                break;
            case 4:
                new Span<uint>((void*)to, (int)length / 4).Fill((uint)word);
                break;
            default:
                new Span<ulong>((void*)to, (int)length / 8).Fill(word);
                break;
        }
    }

    /// <returns>Bytes of the words that are the same before the first that is not.</returns>
    public static ulong CommonBytes(ulong left, ulong right, ulong length, int size) =>
        (ulong)new ReadOnlySpan<byte>((void*)left, (int)length).CommonPrefixLength(new ReadOnlySpan<byte>((void*)right, (int)length)) & (0UL - (ulong)size);
}
