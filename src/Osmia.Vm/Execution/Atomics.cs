using System.Runtime.CompilerServices;

namespace Osmia.Vm.Execution;

/// <summary>RFC 9669 section 5.3 on addresses that were checked and are aligned. The 32-bit forms return 32 bits.</summary>
/// <remarks>
/// What returns a value is never inlined, because .NET 10 (10.0.12, x64) gets two things wrong where it is. A sum of <see cref="Interlocked.Add(ref int, int)"/>
/// is moved behind a later load of the same memory, which then finds the old value. And the comparand of a 32-bit exchange, whose register the processor
/// leaves alone when it is equal, is taken whole for the result, with the upper half of what it was cut from.
/// </remarks>
internal static unsafe class Atomics
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ulong address, uint value) => Interlocked.Add(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ulong address, ulong value) => Interlocked.Add(ref *(ulong*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Or(ulong address, uint value) => Interlocked.Or(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Or(ulong address, ulong value) => Interlocked.Or(ref *(ulong*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void And(ulong address, uint value) => Interlocked.And(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void And(ulong address, ulong value) => Interlocked.And(ref *(ulong*)address, value);

    public static void Xor(ulong address, uint value) => FetchXor(address, value);

    public static void Xor(ulong address, ulong value) => FetchXor(address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint FetchAdd(ulong address, uint value) => Interlocked.Add(ref *(uint*)address, value) - value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong FetchAdd(ulong address, ulong value) => Interlocked.Add(ref *(ulong*)address, value) - value;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint FetchOr(ulong address, uint value) => Interlocked.Or(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong FetchOr(ulong address, ulong value) => Interlocked.Or(ref *(ulong*)address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint FetchAnd(ulong address, uint value) => Interlocked.And(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong FetchAnd(ulong address, ulong value) => Interlocked.And(ref *(ulong*)address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint FetchXor(ulong address, uint value)
    {
        ref uint location = ref *(uint*)address;
        uint seen = Volatile.Read(ref location);
        while (true)
        {
            uint before = Interlocked.CompareExchange(ref location, seen ^ value, seen);
            if (before == seen)
            {
                return before;
            }

            seen = before;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong FetchXor(ulong address, ulong value)
    {
        ref ulong location = ref *(ulong*)address;
        ulong seen = Volatile.Read(ref location);
        while (true)
        {
            ulong before = Interlocked.CompareExchange(ref location, seen ^ value, seen);
            if (before == seen)
            {
                return before;
            }

            seen = before;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Exchange(ulong address, uint value) => Interlocked.Exchange(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Exchange(ulong address, ulong value) => Interlocked.Exchange(ref *(ulong*)address, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint CompareExchange(ulong address, uint value, uint comparand) => Interlocked.CompareExchange(ref *(uint*)address, value, comparand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong CompareExchange(ulong address, ulong value, ulong comparand) => Interlocked.CompareExchange(ref *(ulong*)address, value, comparand);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LoadAcquire8(ulong address) => Volatile.Read(ref *(byte*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LoadAcquire16(ulong address) => Volatile.Read(ref *(ushort*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LoadAcquire32(ulong address) => Volatile.Read(ref *(uint*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LoadAcquire64(ulong address) => Volatile.Read(ref *(ulong*)address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelease8(ulong address, uint value) => Volatile.Write(ref *(byte*)address, (byte)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelease16(ulong address, uint value) => Volatile.Write(ref *(ushort*)address, (ushort)value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelease32(ulong address, uint value) => Volatile.Write(ref *(uint*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelease64(ulong address, ulong value) => Volatile.Write(ref *(ulong*)address, value);
}
