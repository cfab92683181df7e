using System.Runtime.InteropServices;

namespace Osmia.Vm.Maps;

/// <summary>Zeroed memory that begins on a cache line. Untouched pages cost nothing where the OS commits lazily, which clearing them would undo.</summary>
internal static unsafe class AlignedMemory
{
    private const ulong Alignment = 64;

    /// <exception cref="OutOfMemoryException">There is not so much.</exception>
    public static byte* Allocate(ulong size)
    {
        var block = (byte*)NativeMemory.AllocZeroed(checked((nuint)(size + (2 * Alignment))));
        var start = (byte*)(((ulong)block + (2 * Alignment) - 1) & ~(Alignment - 1));

        // At least a word lies in front of it.
        ((byte**)start)[-1] = block;
        return start;
    }

    /// <param name="start">What <see cref="Allocate"/> gave, or null.</param>
    public static void Free(byte* start)
    {
        if (start != null)
        {
            NativeMemory.Free(((byte**)start)[-1]);
        }
    }
}
