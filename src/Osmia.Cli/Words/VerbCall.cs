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

    /// <summary>What a verb that lists answers: an array, or the one thing that was named; a table to people, and words where there is nothing.</summary>
    /// <param name="fields">Writes what an object of the array holds.</param>
    /// <param name="table">Made only for people.</param>
    public void AnswerList<T>(IReadOnlyList<T> rows, bool isArray, Action<Utf8JsonWriter, T> fields, string none, Func<TextTable> table) => Answer(
        json =>
        {
            if (isArray)
            {
                json.WriteStartArray();
            }

            foreach (T row in rows)
            {
                json.WriteStartObject();
                fields(json, row);
                json.WriteEndObject();
            }

            if (isArray)
            {
                json.WriteEndArray();
            }
        },
        output =>
        {
            if (rows.Count == 0)
            {
                output.WriteLine(none);
            }
            else
            {
                table().Write(output, indent: "");
            }
        });

    /// <summary>The verb did what it should and has nothing to tell: <c>null</c> in JSON, as bpftool says it, and one line to people.</summary>
    public void Done(string message) => Answer(json => json.WriteNullValue(), output => output.WriteLine(message));
}
