using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Osmia.Vm.Maps;

/// <summary>
/// A lock word in native memory, held for a few dozen instructions; it never allocates while it is free. The word is the holder's process id: in memory
/// shared between processes, a lock whose holder has died is taken from it.
/// </summary>
internal static unsafe class NativeGate
{
    private const int SpinsBeforeDoubt = 2000;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Enter(int* word)
    {
        if (Interlocked.CompareExchange(ref *word, Environment.ProcessId, 0) != 0)
        {
            Wait(word);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Exit(int* word) => Volatile.Write(ref *word, 0);

    /// <summary>Whether a process runs.</summary>
    public static bool IsAlive(int process)
    {
        try
        {
            using Process found = Process.GetProcessById(process);
            return !found.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
        catch (InvalidOperationException)
        {
            // It ended while it was asked.
            return false;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Wait(int* word)
    {
        var spin = new SpinWait();
        int spins = 0;
        while (true)
        {
            int holder = Interlocked.CompareExchange(ref *word, Environment.ProcessId, 0);
            if (holder == 0)
            {
                return;
            }

            spin.SpinOnce();
            if (++spins % SpinsBeforeDoubt == 0 && holder != Environment.ProcessId && !IsAlive(holder)
                && Interlocked.CompareExchange(ref *word, Environment.ProcessId, holder) == holder)
            {
                return;
            }
        }
    }
}
