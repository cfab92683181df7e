using Osmia.Bytecode;
using Osmia.Runtime;

namespace Osmia.Cli.Commands;

/// <summary>A map whose content <c>prog run</c> prints when the program has run: elements by key, the elements of a queue or stack as they come out, the records of a buffer.</summary>
internal sealed class DumpedMap : IDisposable
{
    private readonly RecordReader? _records;

    /// <exception cref="UsageException">Nobody can list what the map holds.</exception>
    public DumpedMap(Map map)
    {
        Map = map;
        if (map.Type is MapType.Ringbuf or MapType.PerfEventArray)
        {
            // A perf buffer has what comes after it was opened.
            _records = map.OpenReader();
        }
        else if (!IsQueue && MapTypeTable.Find(map.Type) is { } facts && (facts.Operations & MapOperations.Iterate) == 0)
        {
            throw new UsageException($"--map-dump {map.Name}: nobody can list what a {map.Type.ToKernelName()} holds");
        }
    }

    public Map Map { get; }

    private bool IsQueue => Map.Type is MapType.Queue or MapType.Stack;

    /// <summary>Null stands for a key where there are none.</summary>
    public List<(string? Key, string Value)> Read()
    {
        var elements = new List<(string?, string)>();
        byte[] value = new byte[Map.ValueBufferSize];
        if (_records is not null)
        {
            _records.Consume((record, _) => elements.Add((null, Convert.ToHexStringLower(record))));
            return elements;
        }

        if (IsQueue)
        {
            while (Map.TryTake(default, value))
            {
                elements.Add((null, Convert.ToHexStringLower(value)));
            }

            return elements;
        }

        byte[] key = new byte[Map.KeySize];
        byte[] next = new byte[Map.KeySize];
        for (bool found = Map.TryNextKey(default, next); found; found = Map.TryNextKey(key, next))
        {
            (key, next) = (next, key);
            if (Map.TryLookup(key, value))
            {
                elements.Add((Convert.ToHexStringLower(key), Convert.ToHexStringLower(value)));
            }
        }

        return elements;
    }

    public void Dispose() => _records?.Dispose();
}
