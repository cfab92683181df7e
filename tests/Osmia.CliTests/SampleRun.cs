using System.Text.Json;

namespace Osmia.Tests;

/// <summary>A sample that runs with --json until it is interrupted, and what it printed.</summary>
internal sealed class SampleRun : IDisposable
{
    private readonly OsmiaCommand _osmia;

    public SampleRun(string sample, string[] options, params string[] prefix)
    {
        _osmia = OsmiaCommand.Start(["run", $"samples/{sample}/{sample}.bpf.o", "--json", "--duration", "40s", .. options], prefix);
        _osmia.WaitForError("attached");
    }

    public string Error => _osmia.Error;

    public IEnumerable<JsonElement> Lines => _osmia.OutputLines.Select(line => JsonDocument.Parse(line).RootElement);

    /// <summary>Interrupts it as Ctrl-C does and waits for its totals.</summary>
    public void Stop()
    {
        _osmia.Interrupt();
        Assert.Equal(0, _osmia.WaitForExit());
        Assert.Contains("detached", _osmia.Error, StringComparison.Ordinal);
    }

    /// <summary>Records: the lines that have a property.</summary>
    public List<JsonElement> Records(string property) => [.. Lines.Where(line => line.TryGetProperty(property, out _))];

    public List<JsonElement> MapEntries(string map) =>
        [.. Lines.Single(line => line.TryGetProperty("map", out JsonElement name) && name.GetString() == map).GetProperty("entries").EnumerateArray()];

    public void Dispose() => _osmia.Dispose();
}
