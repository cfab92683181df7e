using System.CommandLine;
using System.Reflection;
using Osmia.Cli.Commands;
using Osmia.Cli.Completion;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli;

/// <summary>The <c>osmia</c> command: parses arguments, calls the library, prints. One file a verb.</summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case [CompletionScripts.Question, .. var words]:
                return CompletionCommand.Answer(words);
            case [CompletionScripts.Grammar]:
                return CompletionCommand.AnswerGrammar();
            default:
                TakeName();
                return Execute(arguments);
        }
    }

    /// <summary>Lists of processes, ours among them, would say "dotnet" of whoever holds a program.</summary>
    private static void TakeName()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            File.WriteAllText("/proc/self/comm", "osmia");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nothing depends on the name: a container may keep it from being changed.
        }
    }

    /// <summary>One command, with its errors told; also a line of <c>osmia batch</c>.</summary>
    internal static int Execute(string[] arguments)
    {
        try
        {
            arguments = CommandTree.Normalize(SyscallTracing.Take(arguments));
            if (arguments is [CommandTree.VersionInJson])
            {
                JsonOutput.Write(pretty: false, json =>
                {
                    json.WriteStartObject();
                    json.WriteString("version", typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
                    json.WriteEndObject();
                });
                return ExitCode.Success;
            }

            ParseResult parsed = CommandTree.Build(arguments).Parse(arguments);
            if (parsed.Errors.Count > 0)
            {
                if (CommandTree.Correct(parsed) is { } correction)
                {
                    throw new UsageException(correction);
                }

                if (CommandTree.AnswersInJson(arguments))
                {
                    ErrorJson.Write(string.Join("; ", parsed.Errors.Select(error => error.Message)));
                    return ExitCode.Usage;
                }

                foreach (System.CommandLine.Parsing.ParseError error in parsed.Errors)
                {
                    Console.Error.WriteLine($"osmia: {error.Message}");
                }

                Console.Error.WriteLine($"try: osmia {string.Concat(CommandTree.PathOf(parsed))}--help");
                return ExitCode.Usage;
            }

            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (BpfException e)
        {
            if (CommandTree.AnswersInJson(arguments))
            {
                ErrorJson.Write(e.Diagnostic, e as TrapException);
                return ExitCode.Error;
            }

            Console.Error.WriteLine(e is TrapException trap ? TrapText.Describe(trap) : e.Message);
            return ExitCode.Error;
        }
        catch (UsageException e)
        {
            if (CommandTree.AnswersInJson(arguments))
            {
                ErrorJson.Write(e.Message);
                return ExitCode.Usage;
            }

            Console.Error.WriteLine($"osmia: {e.Message}");
            return ExitCode.Usage;
        }
        catch (IOException e) when (e.HResult == BrokenPipe || e.Message.Contains("Broken pipe", StringComparison.Ordinal))
        {
            return ExitCode.Success; // The reader of our output, such as head, has seen enough.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(Run.RunErrors.CannotWrite(e).Message);
            return ExitCode.Error;
        }
    }

    private const int BrokenPipe = 32;
}

/// <summary>Exit codes of every verb.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Error = 1;
    public const int Usage = 64;
}

/// <summary>Words that do not form a command; the message says which.</summary>
internal sealed class UsageException(string message) : Exception(message);
