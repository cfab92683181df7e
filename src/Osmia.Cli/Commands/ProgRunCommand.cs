using System.CommandLine;
using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia prog run FILE#NAME</c>: one program, once or many times, on bytes given, in the VM or by the kernel's test run.</summary>
internal static class ProgRunCommand
{
    private const int MaxOutput = 1 << 20;

    /// <summary>As of <c>osmia verify</c>: the verifier has no answer.</summary>
    private const int NotJudged = 2;

    public static Command Build()
    {
        var command = new Command("run", "Run a program of an object on data, and print what it returns and what the run costs; one that is loaded: osmia prog run id N");
        Argument<string> program = new("FILE#NAME") { Description = "an object and one of its programs; the name may be left out when there is one", HelpName = "FILE#NAME" };
        Option<string> engine = new("--engine") { Description = "where it runs", HelpName = "vm|kernel", DefaultValueFactory = _ => "vm" };
        engine.AcceptOnlyFromAmong("vm", "kernel");
        Option<string> tier = VmWords.TierOption();
        Option<string> mode = VmWords.ModeOption("metered", canVerify: true);
        Option<string> dataIn = new("--data-in") { Description = "the packet, or the memory of other programs", HelpName = "FILE" };
        Option<string> dataOut = new("--data-out") { Description = "takes the packet as the program left it", HelpName = "FILE" };
        Option<string> contextIn = new("--ctx-in") { Description = "the context structure", HelpName = "FILE" };
        Option<string> contextOut = new("--ctx-out") { Description = "takes the context as the program left it", HelpName = "FILE" };
        Option<int> repeat = new("--repeat") { Description = "how many times", HelpName = "N", DefaultValueFactory = _ => 1 };
        Option<string[]> set = new("--map-set") { Description = "write an element first; KEY and VALUE are bytes in hex or @FILE", HelpName = "NAME:KEY=VALUE" };
        Option<string[]> dump = new("--map-dump") { Description = "print what a map holds afterwards: its elements, or a buffer's records", HelpName = "NAME" };
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        command.Add(program);
        foreach (Option option in new Option[] { engine, tier, mode, dataIn, dataOut, contextIn, contextOut, repeat, set, dump, json, pretty })
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            (string file, string? name) = Split(parsed.GetValue(program)!);
            if (parsed.GetValue(repeat) < 1)
            {
                throw new UsageException($"--repeat {parsed.GetValue(repeat)}: a program runs at least once");
            }

            bool isVm = parsed.GetValue(engine) == "vm";
            foreach (Option option in isVm ? Array.Empty<Option>() : [tier, mode])
            {
                if (parsed.IsGiven(option))
                {
                    throw new UsageException($"{option.Name} is of the virtual machine; the kernel verifies what it loads and compiles it itself");
                }
            }

            BpfObject source = BpfObject.Read(file).RequirePrograms();
            string wanted = Choose(source, name);
            ObjectPreparation.SelectPrograms(source, [wanted]);
            using IEngine host = isVm
                ? new VmEngine(new VmOptions
                {
                    TreatAsMemoryPrograms = true,
                    Tier = VmWords.Tier(parsed.GetValue(tier)!),
                    Mode = VmWords.Mode(parsed.GetValue(mode)!),
                    Trace = text => Console.Error.WriteLine(Encoding.UTF8.GetString(text)),
                })
                : OperatingSystem.IsLinux() ? KernelEngine.Open() : throw RunErrors.KernelNeedsLinux();
            LoadedObject? verified = null;
            if (host is VmEngine vm && parsed.GetValue(mode) == VmWords.Verified)
            {
                LinkedObject linked = Linker.Link(source, host.Target);
                VerifiedProgram? proof = VerifiedProgram.Prove(linked, linked.Programs.Single(program => program.Name == wanted), host.Target, out VerificationReport verdict);
                if (proof is null)
                {
                    Console.Error.WriteLine($"osmia: program '{wanted}' {(verdict.Verdict == Verdict.Reject ? "is not accepted" : "cannot be judged")}: instruction {verdict.Problem!.Slot}: {verdict.Problem.Message}");
                    return verdict.Verdict == Verdict.Reject ? ExitCode.Error : NotJudged;
                }

                verified = vm.LoadVerified(linked, [proof]);
            }

            using LoadedObject loaded = verified ?? host.Load(source);
            LoadedProgram chosen = loaded.Program(wanted);
            if (verified is not null && ((VmProgram)chosen).Mode != VmMode.Verified)
            {
                throw new UsageException($"--mode verified runs packet programs, flow dissectors and socket lookups, and '{chosen.Name}' is of type {chosen.Type.ToKernelName()}");
            }

            (chosen as VmProgram)?.Prepare();
            foreach (string text in parsed.GetValue(set) ?? [])
            {
                Set(loaded, text);
            }

            DumpedMap[] dumped = [.. (parsed.GetValue(dump) ?? []).Distinct().Select(map => new DumpedMap(MapOf(loaded, map)))];
            byte[] input = parsed.GetValue(dataIn) is { } path ? HexBytes.ReadFile(path, "--data-in") : [];
            byte[] context = parsed.GetValue(contextIn) is { } contextPath ? HexBytes.ReadFile(contextPath, "--ctx-in") : [];
            byte[] output = new byte[parsed.GetValue(dataOut) is null ? 0 : MaxOutput];
            byte[] outputContext = new byte[parsed.GetValue(contextOut) is null ? 0 : 4096];
            ProgramRunResult result = RunOnce(chosen, new ProgramRun { Data = input, DataOut = output, Context = context, ContextOut = outputContext, Repeat = parsed.GetValue(repeat) });
            Save("--data-out", parsed.GetValue(dataOut), output, result.DataLength);
            Save("--ctx-out", parsed.GetValue(contextOut), outputContext, result.ContextLength);
            var report = new Report(result, chosen as VmProgram, isVm ? parsed.GetValue(mode)! : "verified");
            (string, List<(string?, string)>)[] contents = Array.ConvertAll(dumped, map => (map.Map.Name, map.Read()));
            Array.ForEach(dumped, map => map.Dispose());
            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                report.WriteJson(parsed.GetValue(pretty), contents);
            }
            else
            {
                report.WriteText(Console.Out, contents);
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>An input that the program's type does not take is a fault of the words, not of the program.</summary>
    private static ProgramRunResult RunOnce(LoadedProgram program, in ProgramRun run)
    {
        try
        {
            return program.Run(run);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message.Replace($" (Parameter '{e.ParamName}')", "", StringComparison.Ordinal));
        }
    }

    private static (string File, string? Name) Split(string words)
    {
        // A file's own name may hold the sign.
        int at = File.Exists(words) ? -1 : words.LastIndexOf('#');
        return at < 0 ? (words, null) : (words[..at], words[(at + 1)..]);
    }

    private static string Choose(BpfObject source, string? name) => name
        ?? (source.Programs.Count == 1 ? source.Programs[0].Name
            : throw new UsageException($"say which program runs, as FILE#NAME: the object has {string.Join(", ", source.Programs.Select(program => program.Name))}"));

    private static Map MapOf(LoadedObject loaded, string name) => loaded.Maps.FirstOrDefault(map => map.Name == name)
        ?? throw new UsageException($"the object has no map '{name}'; {(Similarity.Nearest(name, loaded.Maps.Select(map => map.Name), 2) is { Count: > 0 } nearest ? $"did you mean {string.Join(" or ", nearest)}?"
            : $"it has {string.Join(", ", loaded.Maps.Select(map => map.Name).DefaultIfEmpty("none"))}")}");

    private static void Set(LoadedObject loaded, string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        if (colon <= 0 || equals < colon)
        {
            throw new UsageException($"--map-set '{text}' is not NAME:KEY=VALUE");
        }

        Map map = MapOf(loaded, text[..colon]);
        byte[] key = HexBytes.Parse(text[(colon + 1)..equals], "key");
        byte[] value = HexBytes.Parse(text[(equals + 1)..], "value");
        if (key.Length != map.KeySize || (value.Length != map.ValueSize && value.Length != map.ValueBufferSize))
        {
            throw new UsageException($"--map-set '{text}': map {map.Name} has keys of {map.KeySize} and values of {map.ValueSize} bytes, these have {key.Length} and {value.Length}");
        }

        map.Update(key, value.Length == map.ValueBufferSize ? value : PerCpuValue.ForAll(map, value));
    }

    private static void Save(string option, string? path, byte[] bytes, int length)
    {
        if (path is null)
        {
            return;
        }

        try
        {
            File.WriteAllBytes(path, bytes[..Math.Min(length, bytes.Length)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{option} {path}: {e.Message}");
        }
    }

    private sealed record Report(ProgramRunResult Result, VmProgram? Program, string Mode)
    {
        private string Tier => Program is null ? "kernel" : VmWords.Of(Program.Tier);

        public void WriteText(TextWriter output, (string Name, List<(string? Key, string Value)> Elements)[] dumped)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"retval {Result.ReturnValue} (0x{Result.ReturnValue:x}), {Result.NanosecondsPerRun:0.0} ns per run, tier {Tier}, mode {Mode}"));
            if (Program?.TierReason is { } reason)
            {
                output.WriteLine($"why {Tier}: {reason}");
            }

            foreach ((string name, List<(string? Key, string Value)> elements) in dumped)
            {
                output.WriteLine($"map {name}:");
                foreach ((string? key, string value) in elements)
                {
                    output.WriteLine(key is null ? $"  {value}" : $"  {key} = {value}");
                }
            }
        }

        public void WriteJson(bool isPretty, (string Name, List<(string? Key, string Value)> Elements)[] dumped) => JsonOutput.Write(isPretty, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("retval", Result.ReturnValue);
            json.WriteNumber("ns_per_run", Math.Round(Result.NanosecondsPerRun, 1));
            json.WriteNumber("compile_us", Math.Round(Program?.CompileTime.TotalMicroseconds ?? 0, 1));
            json.WriteString("tier", Tier);
            json.WriteString("mode", Mode);
            if (Program?.TierReason is { } reason)
            {
                json.WriteString("tier_reason", reason);
            }

            if (dumped.Length > 0)
            {
                json.WriteStartObject("maps");
                foreach ((string name, List<(string? Key, string Value)> elements) in dumped)
                {
                    json.WriteStartArray(name);
                    foreach ((string? key, string value) in elements)
                    {
                        json.WriteStartObject();
                        if (key is not null)
                        {
                            json.WriteString("key", key);
                        }

                        json.WriteString("value", value);
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        });
    }
}
