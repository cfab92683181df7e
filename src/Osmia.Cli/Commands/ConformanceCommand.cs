using System.CommandLine;
using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Cli.Commands;

/// <summary>
/// <c>osmia ["MEMORY"] conformance</c>: the protocol by which the public bpf_conformance suite asks an engine. The program comes on
/// standard input as bytes in hex, r1 is the memory, r2 its length, and r0 goes out in hex.
/// </summary>
internal static class ConformanceCommand
{
    public const string Name = "conformance";
    private const string MemoryOption = "--memory";

    public static Command Build()
    {
        var command = new Command(Name, CommandTree.DescriptionOf(Name));
        Option<string> memory = new(MemoryOption) { Description = "the memory in hex; the same words may stand before the verb", HelpName = "HEX|@FILE" };
        Option<string> tier = VmWords.TierOption();
        Option<string> mode = VmWords.ModeOption("checked", canVerify: false);
        Option<bool> elf = new("--elf") { Description = "standard input is an object file in hex, not instructions" };
        foreach (Option option in new Option[] { memory, tier, mode, elf })
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            byte[] data = parsed.GetValue(memory) is { } text ? HexBytes.Parse(text, "memory") : [];
            string input = Console.In.ReadToEnd();
            // The suite counts exit code 1 as a failure, and only that.
            if (HexBytes.TryParse(input) is not { } program || (!parsed.GetValue(elf) && program.Length % Instruction.SizeInBytes != 0))
            {
                Console.Error.WriteLine($"osmia: standard input is not a program in hex, {Instruction.SizeInBytes} bytes an instruction");
                return ExitCode.Error;
            }

            using var engine = new VmEngine(new VmOptions { Slots = 1, TreatAsMemoryPrograms = true, Tier = VmWords.Tier(parsed.GetValue(tier)!), Mode = VmWords.Mode(parsed.GetValue(mode)!) });
            using LoadedObject loaded = parsed.GetValue(elf) ? engine.Load(BpfObject.Read(program, "stdin.o")) : engine.Load(Linked(program), LoadOptions.Default);
            if (loaded.Programs.Count == 0)
            {
                Console.Error.WriteLine("osmia: standard input holds no program");
                return ExitCode.Error;
            }

            var first = (VmProgram)loaded.Programs[0];
            if (engine.Options.Tier is not VmTier.Auto && first.Tier != engine.Options.Tier)
            {
                Console.Error.WriteLine($"osmia: the program does not run in tier {parsed.GetValue(tier)}: {first.TierReason}");
                return ExitCode.Error;
            }

            ulong result = first.Run(new ProgramRun { Data = data }).ReturnValue;
            Console.WriteLine(result.ToString("x", CultureInfo.InvariantCulture));
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Memory before the verb becomes an option behind it.</summary>
    public static string[] Normalize(string[] words) =>
        words is [var memory, Name, .. var options] ? [Name, MemoryOption, memory, .. options] : words;

    private static LinkedObject Linked(byte[] program)
    {
        var code = new Instruction[program.Length / Instruction.SizeInBytes];
        for (int i = 0; i < code.Length; i++)
        {
            code[i] = Instruction.Decode(program.AsSpan(i * Instruction.SizeInBytes));
        }

        return new LinkedObject("stdin", [new LinkedProgram("program", new SectionMatch(".text", "", "", ProgramType.Unspec, null, AttachKind.None), [.. code])], [], []);
    }
}
