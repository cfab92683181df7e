using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Symbols;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Decoding;

namespace Osmia.Cli.Commands.Maps;

/// <summary>
/// <c>osmia map event_pipe MAP</c>: records as they come, until Ctrl-C. Which struct they are is looked for in the types of the programs
/// that use the map, as <c>osmia run</c> does; bytes are shown when nothing says it.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class MapEventPipe
{
    public const string Grammar = "MAP [cpu N index N] [event STRUCT] [count N] [duration SECONDS]";

    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(200);

    public static void Run(VerbCall call)
    {
        using KernelMap map = MapWords.Open(call.Words);
        (string? structure, long limit, uint seconds) = (null, long.MaxValue, 0);
        uint? only = null;
        while (!call.Words.IsAtEnd)
        {
            if (call.Words.Take("event"))
            {
                structure = call.Words.Next("the struct");
            }
            else if (call.Words.Take("cpu"))
            {
                only = call.Words.Number("the CPU");
                call.Words.Expect("index");
                if (call.Words.Number("the index") != only)
                {
                    throw new UsageException($"{call.Words.Verb}: the records of CPU {only} are read from index {only}, where programs put them by BPF_F_CURRENT_CPU");
                }
            }
            else if (call.Words.Take("count"))
            {
                limit = call.Words.Number("the number of records");
            }
            else if (call.Words.Take("duration"))
            {
                seconds = call.Words.Number("the number of seconds");
            }
            else
            {
                throw new UsageException($"{call.Words.Verb}: '{call.Words.Peek()}' is none of cpu, event, count, duration");
            }
        }

        using var stop = new StopSignal();
        using Stream output = StandardOutput.Open();
        using var symbolizer = new KernelSymbolizer();
        using RecordReader reader = map.OpenReader();
        using var printer = new RecordPrinter(map, structure, limit, only, call.IsJson, symbolizer, output);
        if (seconds > 0)
        {
            stop.StopAfter(TimeSpan.FromSeconds(seconds));
        }

        Console.Error.WriteLine($"reading {map.Type.ToKernelName()} {map.Name} (id {map.Id}); {(seconds > 0 ? $"stops after {seconds} s" : "Ctrl-C stops")}");
        while (!stop.IsSet && !printer.IsDone)
        {
            if (reader.Wait(s_wait))
            {
                reader.Consume(printer.Handle);
                printer.Flush();
            }
        }

        Console.Error.WriteLine($"{printer.Count} records, {reader.Lost} lost");
    }

    private sealed class RecordPrinter(KernelMap map, string? structure, long limit, uint? only, bool isJson, ISymbolizer symbolizer, Stream output) : IDisposable
    {
        private ColumnPrinter? _columns;
        private JsonRecordWriter? _json;

        public long Count { get; private set; }

        public bool IsDone => Count >= limit;

        public void Handle(ReadOnlySpan<byte> record, int cpu)
        {
            if (IsDone || (only is { } wanted && cpu != wanted))
            {
                return;
            }

            if (_columns is null && _json is null)
            {
                Open(record.Length);
            }

            _columns?.Write(record);
            _json?.Write(record);
            Count++;
        }

        public void Flush()
        {
            _columns?.Flush();
            _json?.Flush();
            output.Flush();
        }

        public void Dispose() => _json?.Dispose();

        private void Open(int recordSize)
        {
            SchemaChoice choice = Choose(recordSize);
            if (choice.Problem is { } problem)
            {
                if (structure is not null)
                {
                    throw new RunException(problem);
                }

                Console.Error.WriteLine(problem);
            }

            RecordSchema schema = choice.Schema ?? RecordSchema.Unknown;
            if (isJson)
            {
                _json = new JsonRecordWriter(schema, output, symbolizer);
                return;
            }

            _columns = new ColumnPrinter(schema, output, symbolizer);
            _columns.WriteHeader();
        }

        /// <summary>Types of the first program that uses the map and knows the answer.</summary>
        private SchemaChoice Choose(int recordSize)
        {
            uint id = map.Id;
            SchemaChoice? first = null;
            foreach (uint btf in KernelInventory.Programs().Where(program => program.MapIds.Contains(id) && program.BtfId != 0).Select(program => program.BtfId).Distinct().ToArray())
            {
                var known = new LinkedObject(map.Name, [], [map.Definition with { KeyType = default, ValueType = default }], []) { Types = BtfTypes.Parse(KernelInventory.BtfBytes(btf)) };
                SchemaChoice choice = SchemaChoice.Choose(known, map.Name, structure, recordSize);
                if (choice.Schema is not null)
                {
                    return choice;
                }

                first ??= choice;
            }

            return first ?? SchemaChoice.Choose(new LinkedObject(map.Name, [], [map.Definition], []), map.Name, structure, recordSize);
        }
    }
}
