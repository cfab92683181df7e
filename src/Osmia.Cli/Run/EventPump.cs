using System.Text;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Decoding;

namespace Osmia.Cli.Run;

/// <summary>Drains the ring and perf buffers of an object and prints their records, as columns or as JSON lines.</summary>
internal sealed class EventPump : IDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(10);

    private readonly List<Source> _sources;
    private readonly long _limit;

    public EventPump(LoadedObject loaded, RunSettings settings, ISymbolizer? symbolizer, Stream output)
    {
        _limit = settings.Count;
        CheckEvent(loaded, settings);
        _sources = [.. loaded.Maps.Where(MapReport.HoldsRecords).Select(map => new Source(this, loaded.Definition, map, settings, symbolizer, output))];
    }

    // The first record may be hours away.
    private static void CheckEvent(LoadedObject loaded, RunSettings settings)
    {
        if (settings.Event is { } name && loaded.Maps.FirstOrDefault(MapReport.HoldsRecords) is { } map
            && SchemaChoice.Choose(loaded.Definition, map.Name, name, recordSize: 0).Problem is { } problem)
        {
            throw new RunException(problem);
        }
    }

    public bool IsEmpty => _sources.Count == 0;

    public long Records { get; private set; }

    /// <summary>Records that the buffers themselves lost.</summary>
    public long Lost
    {
        get
        {
            long lost = 0;
            foreach (Source source in _sources)
            {
                lost += source.Reader.Lost;
            }

            return lost;
        }
    }

    public bool IsDone => Records >= _limit;

    /// <summary>Prints what is there now.</summary>
    /// <returns>False when nothing was.</returns>
    public bool Drain()
    {
        long before = Records;
        foreach (Source source in _sources)
        {
            source.Drain();
        }

        return Records != before;
    }

    public void Wait(TimeSpan timeout)
    {
        if (_sources.Count == 1)
        {
            _sources[0].Reader.Wait(timeout);
            return;
        }

        // Several buffers: look at each in turn, often enough that nobody notices.
        foreach (Source source in _sources)
        {
            if (source.Reader.Wait(TimeSpan.Zero))
            {
                return;
            }
        }

        Thread.Sleep(timeout < s_poll ? timeout : s_poll);
    }

    public void Dispose()
    {
        foreach (Source source in _sources)
        {
            source.Dispose();
        }
    }

    private sealed class Source : IDisposable
    {
        private readonly EventPump _pump;
        private readonly LinkedObject _linked;
        private readonly RunSettings _settings;
        private readonly ISymbolizer? _symbolizer;
        private readonly Stream _output;
        private readonly RecordHandler _handler;
        private ColumnPrinter? _columns;
        private JsonRecordWriter? _json;

        public Source(EventPump pump, LinkedObject linked, Map map, RunSettings settings, ISymbolizer? symbolizer, Stream output)
        {
            (_pump, _linked, _settings, _symbolizer, _output) = (pump, linked, settings, symbolizer, output);
            Reader = map.OpenReader();
            _handler = Handle;
        }

        public RecordReader Reader { get; }

        public void Drain()
        {
            if (Reader.Consume(_handler) > 0)
            {
                _columns?.Flush();
                _json?.Flush();
                _output.Flush();
            }
        }

        public void Dispose()
        {
            Reader.Dispose();
            _json?.Dispose();
        }

        private void Handle(ReadOnlySpan<byte> record, int cpu)
        {
            if (_pump.IsDone)
            {
                return;
            }

            if (_columns is null && _json is null)
            {
                Open(record.Length);
            }

            _columns?.Write(record);
            _json?.Write(record);
            _pump.Records++;
        }

        private void Open(int recordSize)
        {
            SchemaChoice choice = SchemaChoice.Choose(_linked, Reader.MapName, _settings.Event, recordSize);
            if (choice.Problem is { } problem)
            {
                // An explicit wish that cannot be met is an error; a guess that fails is said, and the bytes are shown.
                if (_settings.Event is not null)
                {
                    throw new RunException(problem);
                }

                Console.Error.WriteLine(problem);
            }

            RecordSchema schema = choice.Schema ?? RecordSchema.Unknown;
            if (_settings.Json)
            {
                _json = new JsonRecordWriter(schema, _output, _symbolizer);
                return;
            }

            if (_pump._sources.Count > 1)
            {
                _output.Write(Encoding.UTF8.GetBytes($"{Reader.MapName}:\n"));
            }

            _columns = new ColumnPrinter(schema, _output, _symbolizer);
            _columns.WriteHeader();
        }
    }
}
