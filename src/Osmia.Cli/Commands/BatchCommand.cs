using System.CommandLine;
using System.Text;
using System.Text.Json;
using Osmia.Cli.Words;

namespace Osmia.Cli.Commands;

/// <summary>
/// <c>osmia batch file FILE</c>: a command a line, as bpftool reads them: a hash begins a comment, a backslash at the end goes on, quotes hold blanks. The
/// first that fails ends it.
/// </summary>
internal static class BatchCommand
{
    public static Command Build()
    {
        var command = new Command("batch", CommandTree.DescriptionOf("batch"));
        Argument<string[]> words = new("WORDS") { Description = "file FILE; - reads standard input", HelpName = "file FILE", Arity = ArgumentArity.OneOrMore };
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        command.Add(words);
        command.Add(json);
        command.Add(pretty);
        command.SetAction(parsed =>
        {
            var reader = new WordReader("batch", parsed.GetValue(words)!);
            reader.Expect("file");
            string file = reader.Next("the file");
            reader.End();
            return Run(Lines(file), parsed.GetValue(json) || parsed.GetValue(pretty));
        });
        return command;
    }

    /// <summary>JSON is an array of objects: <c>command</c>, its words, and <c>output</c>, what it answers.</summary>
    private static int Run(IEnumerable<string[]> lines, bool isJson)
    {
        int done = 0;
        int exitCode = ExitCode.Success;
        Write(isJson, "[");
        foreach (string[] words in lines)
        {
            Write(isJson, $"{(done > 0 ? "," : "")}{{\"command\":[{string.Join(',', words.Select(word => $"\"{JsonEncodedText.Encode(word)}\""))}],\"output\":");
            exitCode = Program.Execute(isJson ? [.. words, "-j"] : words);
            Write(isJson, "}");
            if (exitCode != ExitCode.Success)
            {
                break;
            }

            done++;
        }

        Write(isJson, "]\n");
        if (!isJson && exitCode == ExitCode.Success)
        {
            Console.Out.WriteLine($"processed {done} {(done == 1 ? "command" : "commands")}");
        }

        return exitCode;
    }

    private static void Write(bool isJson, string text)
    {
        if (isJson)
        {
            Console.Out.Write(text);
        }
    }

    private static IEnumerable<string[]> Lines(string file)
    {
        using TextReader reader = file == "-" ? Console.In : Open(file);
        var line = new StringBuilder();
        while (reader.ReadLine() is { } part)
        {
            int comment = part.IndexOf('#', StringComparison.Ordinal);
            part = comment < 0 ? part : part[..comment];
            bool goesOn = part.EndsWith('\\');
            line.Append(goesOn ? part[..^1] : part).Append(' ');
            if (!goesOn)
            {
                string[] words = Split(line.ToString());
                line.Clear();
                if (words.Length > 0)
                {
                    yield return words;
                }
            }
        }
    }

    private static StreamReader Open(string file)
    {
        try
        {
            return new StreamReader(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"batch: {e.Message}");
        }
    }

    /// <summary>At blanks that stand in no quotes.</summary>
    private static string[] Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        char quote = '\0';
        bool isOpen = false;
        foreach (char letter in line)
        {
            if (quote != '\0' ? letter == quote : letter is '\'' or '"')
            {
                (quote, isOpen) = (quote != '\0' ? '\0' : letter, true);
            }
            else if (quote == '\0' && char.IsWhiteSpace(letter))
            {
                if (isOpen)
                {
                    words.Add(word.ToString());
                    word.Clear();
                }

                isOpen = false;
            }
            else
            {
                word.Append(letter);
                isOpen = true;
            }
        }

        return [.. words];
    }
}
