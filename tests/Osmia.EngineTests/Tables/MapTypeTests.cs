using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Tables;

/// <summary>The map type table, tried by making maps.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class MapTypeTests(ITestOutputHelper output)
{
    // Any map may have these; they say something of other attributes.
    private const MapCreateFlags General = MapCreateFlags.ValueTypeBtf | MapCreateFlags.TokenFd;
    private const int NotSupported = 95;

    // Up to what a stack trace map may have and every allocator gives.
    private static readonly uint[] s_sizes = [0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 20, 24, 256, 260, 261, 264, 512, 513, 1016];

    private static readonly MapOperations[] s_operations =
    [
        MapOperations.Update, MapOperations.Lookup, MapOperations.Iterate, MapOperations.Delete, MapOperations.LookupAndDelete, MapOperations.LookupBatch,
        MapOperations.LookupAndDeleteBatch, MapOperations.UpdateBatch, MapOperations.DeleteBatch, MapOperations.Mmap,
    ];

    // Made from the kernel's own types only.
    private static IEnumerable<MapTypeFacts> Rows => MapTypeTable.All.Where(row => row.Type != MapType.StructOps);

    [Fact]
    public void Maps_take_the_flags_the_table_says()
    {
        KernelTrial.OpenOrSkip();
        using var trial = new MapTrial();
        var differences = new List<string>();
        int tried = 0;
        foreach (MapTypeFacts row in Rows)
        {
            (uint key, uint value, uint entries) = MapTrial.Shape(row);
            foreach (MapCreateFlags flag in Enum.GetValues<MapCreateFlags>().Where(flag => (flag & General) == 0))
            {
                // Each flag alone added, and each needed one taken away.
                MapCreateFlags flags = row.Needed ^ flag;
                bool table = (flags & ~row.Allowed) == 0 && (flags & row.Needed) == row.Needed;
                bool kernel = trial.Accepts(row, key, value, entries, flags, IntIfNeeded(row));
                tried++;
                if (table != kernel)
                {
                    differences.Add($"{row.Type.ToKernelName()} with {flags}: table {table}, kernel {kernel}");
                }
            }
        }

        output.WriteLine($"{tried} maps tried");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Maps_have_the_sizes_the_table_says()
    {
        KernelTrial.OpenOrSkip();
        using var trial = new MapTrial();
        var differences = new List<string>();
        int tried = 0;
        foreach (MapTypeFacts row in Rows)
        {
            (uint key, uint value, uint entries) = MapTrial.Shape(row);
            foreach (uint size in s_sizes)
            {
                // A typed map has the sizes of its types.
                Try("key", row.Key.Accepts(size), size, value, entries);
                Try("value", row.Value.Accepts(size) && (!row.NeedsTypes || size == value), key, size, entries);
            }

            Try("entries", row.Entries == MapEntriesRule.MustBeZero, key, value, 0);
            Try("entries", row.Entries is MapEntriesRule.Positive or MapEntriesRule.PerCpuIfZero, key, value, 3);
            Try("entries", row.Entries != MapEntriesRule.MustBeZero, key, value, 4096);

            void Try(string what, bool table, uint keySize, uint valueSize, uint count)
            {
                tried++;
                if (table != trial.Accepts(row, keySize, valueSize, count, row.Needed, IntIfNeeded(row)) && !TableExceptions.Holds("map", what, row.Type.ToKernelName()))
                {
                    differences.Add($"{row.Type.ToKernelName()}, {what}: key {keySize}, value {valueSize}, entries {count}: table {table}, kernel {!table}");
                }
            }
        }

        output.WriteLine($"{tried} maps tried");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Maps_take_types_where_the_table_says()
    {
        KernelTrial.OpenOrSkip();
        using var trial = new MapTrial();
        var differences = new List<string>();
        foreach (MapTypeFacts row in Rows.Where(row => row.Key.Accepts(4) && row.Value.Accepts(4)))
        {
            uint entries = MapTrial.Shape(row).Entries;
            bool typed = trial.Accepts(row, 4, 4, entries, row.Needed, MapTrial.Int);
            bool plain = trial.Accepts(row, 4, 4, entries, row.Needed);
            if (typed != row.TakesTypes || plain == row.NeedsTypes)
            {
                differences.Add($"{row.Type.ToKernelName()}: table takes {row.TakesTypes} needs {row.NeedsTypes}, kernel takes {typed} needs {!plain}");
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Maps_do_what_the_table_says()
    {
        KernelTrial.OpenOrSkip();
        using var trial = new MapTrial();
        var differences = new List<string>();
        int tried = 0;
        foreach (MapTypeFacts row in Rows)
        {
            // The mapping of an array is a flag of it.
            (uint key, uint value, uint entries) = MapTrial.Shape(row);
            using var map = new BpfHandle(trial.Create(row, key, value, entries, row.Needed | (row.Allowed & MapCreateFlags.Mmapable), IntIfNeeded(row)));
            foreach (MapOperations operation in s_operations)
            {
                tried++;
                int error = trial.Do(operation, row, map.Descriptor);

                // Elements that are missing or of the wrong kind are another matter than an operation that is not there; some types
                // have one that refuses everything.
                bool kernel = error is not (Errno.ENOTSUPP or NotSupported or Errno.EINVAL);
                if (kernel != row.Operations.HasFlag(operation) && !TableExceptions.Holds("operation", operation.ToString(), row.Type.ToKernelName()))
                {
                    differences.Add($"{row.Type.ToKernelName()}, {operation}: table {!kernel}, kernel {Errno.Describe(error)}");
                }
            }
        }

        output.WriteLine($"{tried} operations tried");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Values_hold_the_kernel_objects_the_table_says()
    {
        KernelTrial.OpenOrSkip();
        using var trial = new MapTrial();
        var differences = new List<string>();
        foreach (MapTypeFacts row in Rows.Where(row => row.TakesTypes && row.Key.Accepts(4)))
        {
            uint entries = MapTrial.Shape(row).Entries;
            foreach ((MapFields field, int type, uint size) in ((MapFields, int, uint)[])[(MapFields.Lock, MapTrial.LockValue, 8), (MapFields.Timer, MapTrial.TimerValue, 16),
                (MapFields.Timer, MapTrial.WorkValue, 16), (MapFields.KernelPointer, MapTrial.PointerValue, 8)])
            {
                bool kernel = trial.Accepts(row, 4, size, entries, row.Needed, type);
                if (kernel != row.Fields.HasFlag(field))
                {
                    differences.Add($"{row.Type.ToKernelName()} with {field} ({type}): table {!kernel}, kernel {kernel}");
                }
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Maps_of_maps_hold_the_types_the_table_says()
    {
        KernelTrial.OpenOrSkip();
        using var trial = new MapTrial();
        foreach (MapTypeFacts row in Rows)
        {
            using var inner = new BpfHandle(trial.Create(row));
            Assert.True(MapTrial.AcceptsInner(MapType.ArrayOfMaps, inner.Descriptor) == row.MayBeInner, row.Type.ToKernelName());
            Assert.True(MapTrial.AcceptsInner(MapType.HashOfMaps, inner.Descriptor) == row.MayBeInner, row.Type.ToKernelName());
        }
    }

    // A map that the kernel makes with types only.
    private static int IntIfNeeded(MapTypeFacts row) => row.NeedsTypes ? MapTrial.Int : 0;
}
