using System.Text.Json;

namespace Osmia.Cli.Words;

/// <summary>One call of a verb: its words, the options every verb takes, and where the answer goes.</summary>
internal sealed class VerbCall(WordReader words)
{
    public WordReader Words { get; } = words;

    public bool IsJson { get; init; }

    public bool IsPretty { get; init; }

    /// <summary>Say where objects are pinned.</summary>
    public bool WithPins { get; init; }

    /// <summary>Print the verifier's log of what is loaded.</summary>
    public bool IsDebug { get; init; }

    /// <summary>What the verb answers: one JSON value, or text.</summary>
    public void Answer(Action<Utf8JsonWriter> json, Action<TextWriter> text)
    {
        if (IsJson)
        {
            JsonOutput.Write(IsPretty, json);
        }
        else
        {
            text(Console.Out);
        }
    }

    /// <summary>The verb did what it should and has nothing to tell: <c>null</c> in JSON, as bpftool says it, and one line to people.</summary>
    public void Done(string message) => Answer(json => json.WriteNullValue(), output => output.WriteLine(message));
}
