using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Features;

/// <summary>Creates the smallest map of a type and drops it.</summary>
internal static unsafe class MapTrial
{
    private const int IntType = 1;

    // A header, one signed int of 32 bits, the strings "\0int\0": types for maps that the kernel makes only with some.
    private static readonly uint[] s_types = [0x0001eb9f, 24, 0, 16, 16, 5, 1, 1u << 24, 4, 32 | (1u << 24)];

    /// <returns>0 or the negated errno.</returns>
    public static int Create(MapTypeFacts row)
    {
        var attributes = new MapCreateAttributes
        {
            Type = (uint)row.Type,
            KeySize = row.Key.Accepts(4) ? 4 : row.Key.Accepts(8) ? 8 : row.Key.Minimum,
            ValueSize = row.Value.Accepts(4) ? 4 : row.Value.Accepts(8) ? 8 : row.Value.Minimum,
            Flags = (uint)row.Needed,
            MaxEntries = row.Entries switch
            {
                MapEntriesRule.MustBeZero => 0,
                MapEntriesRule.RingBytes => (uint)Environment.SystemPageSize,
                _ => 1,
            },
        };
        using BpfHandle? inner = row.HasInnerMap && MapCreation.Trial() is >= 0 and var made ? new BpfHandle(made) : null;
        attributes.InnerMapFd = inner?.Descriptor ?? 0;
        using BpfHandle? types = row.NeedsTypes && LoadTypes() is >= 0 and var loaded ? new BpfHandle(loaded) : null;
        if (row.Type == MapType.StructOps)
        {
            // A struct of the kernel is wanted; one that is no struct of callbacks is refused by the map type itself, with a number of its own.
            attributes.BtfFd = types?.Descriptor ?? 0;
            attributes.BtfKernelValueType = IntType;
        }
        else if (row.NeedsTypes)
        {
            (attributes.BtfFd, attributes.BtfKeyType, attributes.BtfValueType) = (types?.Descriptor ?? 0, IntType, IntType);
        }

        int result = BpfSyscall.Call(BpfCommand.MapCreate, ref attributes);
        if (result >= 0)
        {
            new BpfHandle(result).Dispose();
            return 0;
        }

        return row.Type == MapType.StructOps && result == -Errno.ENOTSUPP ? 0 : result;
    }

    private static int LoadTypes()
    {
        byte[] blob = [.. MemoryMarshal.AsBytes<uint>(s_types), 0, (byte)'i', (byte)'n', (byte)'t', 0];
        fixed (byte* data = blob)
        {
            var attributes = new BtfLoadAttributes { Data = (ulong)data, Size = (uint)blob.Length };
            return BpfSyscall.Call(BpfCommand.BtfLoad, ref attributes);
        }
    }
}
