using System.Numerics;
using System.Runtime.CompilerServices;

namespace Osmia.Vm.Execution;

/// <summary>Sums of words one behind another, for <see cref="Compilation.WordLoop"/>: at most <see cref="Compilation.WordLoop.MaxBytes"/>, a whole number of words.</summary>
internal static unsafe class WordSums
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Of(ulong address, ulong length, int size) => size switch
    {
        1 => Bytes(address, length),
        2 => Halves(address, length),
        4 => Words(address, length),
        _ => DoubleWords(address, length),
    };

    // Vectors are not compiled ahead of time, and a program that runs once should not meet the runtime's first draft.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Bytes(ulong address, ulong length)
    {
        var words = new ReadOnlySpan<byte>((void*)address, (int)length);
        Vector<uint> lanes = Vector<uint>.Zero;
        for (; words.Length >= Vector<byte>.Count; words = words[Vector<byte>.Count..])
        {
            Vector.Widen(new Vector<byte>(words), out Vector<ushort> low, out Vector<ushort> high);
            Vector.Widen(low + high, out Vector<uint> first, out Vector<uint> second);
            lanes += first + second;
        }

        ulong sum = Total(lanes);
        foreach (byte word in words)
        {
            sum += word;
        }

        return sum;
    }

    // Vectors are not compiled ahead of time, and a program that runs once should not meet the runtime's first draft.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Halves(ulong address, ulong length)
    {
        var words = new ReadOnlySpan<ushort>((void*)address, (int)(length / sizeof(ushort)));
        Vector<uint> lanes = Vector<uint>.Zero;
        for (; words.Length >= Vector<ushort>.Count; words = words[Vector<ushort>.Count..])
        {
            Vector.Widen(new Vector<ushort>(words), out Vector<uint> low, out Vector<uint> high);
            lanes += low + high;
        }

        ulong sum = Total(lanes);
        foreach (ushort word in words)
        {
            sum += word;
        }

        return sum;
    }

    // Vectors are not compiled ahead of time, and a program that runs once should not meet the runtime's first draft.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Words(ulong address, ulong length)
    {
        var words = new ReadOnlySpan<uint>((void*)address, (int)(length / sizeof(uint)));
        Vector<ulong> lanes = Vector<ulong>.Zero;
        for (; words.Length >= Vector<uint>.Count; words = words[Vector<uint>.Count..])
        {
            Vector.Widen(new Vector<uint>(words), out Vector<ulong> low, out Vector<ulong> high);
            lanes += low + high;
        }

        ulong sum = Vector.Sum(lanes);
        foreach (uint word in words)
        {
            sum += word;
        }

        return sum;
    }

    // Vectors are not compiled ahead of time, and a program that runs once should not meet the runtime's first draft.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong DoubleWords(ulong address, ulong length)
    {
        var words = new ReadOnlySpan<ulong>((void*)address, (int)(length / sizeof(ulong)));
        Vector<ulong> lanes = Vector<ulong>.Zero;
        for (; words.Length >= Vector<ulong>.Count; words = words[Vector<ulong>.Count..])
        {
            lanes += new Vector<ulong>(words);
        }

        ulong sum = Vector.Sum(lanes);
        foreach (ulong word in words)
        {
            sum += word;
        }

        return sum;
    }

    private static ulong Total(Vector<uint> lanes)
    {
        Vector.Widen(lanes, out Vector<ulong> low, out Vector<ulong> high);
        return Vector.Sum(low + high);
    }
}
