using System.CommandLine;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Bytecode.Classic;
using Osmia.Bytecode.Disassembly;
using Osmia.Cli.Run;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Assembly;
using Osmia.Objects.Classic;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Vm;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia filter FILTER</c>: a classic BPF filter shown, made an eBPF object, or run over a capture.</summary>
internal static class FilterCommand
{
    private const string StandardInput = "-";

    /// <summary>Its programs see frames whole, as filters on packet sockets do; a test run of a socket filter begins behind the Ethernet header.</summary>
    private const string FrameSection = "tc";

    public static Command Build()
    {
        var command = new Command("filter", CommandTree.DescriptionOf("filter"));
        Argument<string> file = new("FILTER") { Description = "an expression such as 'udp port 53', or a file: what 'tcpdump -ddd' prints, struct sock_filter in C, a listing, bytes; - for standard input", HelpName = "FILTER" };
        Option<bool> seccomp = new("--seccomp") { Description = "the filter is one of seccomp(2)" };
        Option<string> output = new("--output", "-o") { Description = "write an eBPF object", HelpName = "OUT" };
        Option<string> section = new("--section") { Description = "the section of its program (socket, tc, ...)", HelpName = "NAME" };
        Option<bool> assembly = new("--asm") { Description = "print the object as a text that 'osmia asm' reads" };
        Option<bool> numbers = new("--numbers") { Description = "print the filter as numbers, as tcpdump -ddd does" };
        Option<string> packets = new("--packets") { Description = "judge the packets of a pcap or pcapng capture", HelpName = "CAPTURE" };
        Option<string> write = new("--write", "-w") { Description = "write the packets it keeps to a pcapng capture", HelpName = "CAPTURE" };
        Option<string> engine = new("--engine") { Description = "where it judges packets", HelpName = "vm|kernel", DefaultValueFactory = _ => "vm" };
        Option<bool> json = CommonOptions.Json();
        engine.AcceptOnlyFromAmong("vm", "kernel");
        command.Add(file);
        foreach (Option option in new Option[] { seccomp, output, section, assembly, numbers, packets, write, engine, json })
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            ClassicProgram filter = Read(parsed.GetValue(file)!, parsed.GetValue(seccomp) ? ClassicUse.Seccomp : ClassicUse.Socket);
            bool makesObject = parsed.GetValue(output) is not null || parsed.GetValue(assembly);
            if (!makesObject && parsed.GetValue(section) is { } name)
            {
                throw new UsageException($"--section {name} says where the program of an object stands; add --output OUT or --asm");
            }

            if (parsed.GetValue(section) is { } place && !parsed.GetValue(seccomp) && SectionTable.Match(place).Type is not (ProgramType.SocketFilter or ProgramType.SchedCls or ProgramType.SchedAct))
            {
                throw new UsageException($"--section {place}: a filter loads bytes of packets by itself, which only programs of socket, tc, classifier and action may");
            }

            if (parsed.GetValue(write) is { } capture && parsed.GetValue(packets) is null)
            {
                throw new UsageException($"--write {capture}: packets are written when they are read from a capture (--packets)");
            }

            if (parsed.GetValue(packets) is not { } input)
            {
                foreach (Option option in new Option[] { engine, json })
                {
                    if (parsed.IsGiven(option))
                    {
                        throw new UsageException($"{option.Name} goes with --packets CAPTURE: a filter is judged nowhere without packets");
                    }
                }
            }
            else
            {
                return Judge(filter, input, parsed.GetValue(write), parsed.GetValue(engine) == "kernel", parsed.GetValue(json));
            }

            if (parsed.GetValue(numbers))
            {
                ClassicListing.WriteNumbers(Console.Out, filter);
                return ExitCode.Success;
            }

            BpfObject translated = ClassicObject.Translate(filter, NameOf(parsed.GetValue(output) ?? parsed.GetValue(file)!), parsed.GetValue(section));
            if (parsed.GetValue(output) is { } target)
            {
                translated.Write(target);
                return ExitCode.Success;
            }

            if (parsed.GetValue(assembly))
            {
                new ObjectText(translated).Write(Console.Out);
                return ExitCode.Success;
            }

            WriteListing(Console.Out, filter, translated.Functions[0].Instructions);
            return ExitCode.Success;
        });
        return command;
    }

    private static ClassicProgram Read(string path, ClassicUse use)
    {
        if (path == StandardInput)
        {
            using Stream input = Console.OpenStandardInput();
            using var copy = new MemoryStream();
            input.CopyTo(copy);
            return ClassicObject.Read(copy.ToArray(), "(standard input)", use);
        }

        // net 10.0.0.0/8 is an expression, filters/none.txt a file that is not there.
        if (!File.Exists(path) && use == ClassicUse.Socket && (!path.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) || path.Any(char.IsWhiteSpace)))
        {
            return ClassicObject.Compile(path);
        }

        if (!File.Exists(path) && use == ClassicUse.Seccomp)
        {
            throw new UsageException($"--seccomp '{path}': there is no such file, and expressions are about packets; give the filter of seccomp(2) as numbers, struct sock_filter in C, a listing or bytes");
        }

        return ClassicObject.Read(HexBytes.ReadFile(path, "FILTER"), path, use);
    }

    /// <summary>A symbol's name: what is neither letter nor digit becomes an underscore.</summary>
    private static string NameOf(string path)
    {
        string name = Path.GetFileName(path).Split('.')[0];
        string symbol = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return symbol.Length == 0 || symbol == "_" || char.IsAsciiDigit(symbol[0]) ? "filter" : symbol;
    }

    /// <summary>Each instruction of the filter with the eBPF that does it.</summary>
    private static void WriteListing(TextWriter output, ClassicProgram filter, Instruction[] code)
    {
        _ = ClassicTranslation.Translate(filter, out System.Collections.Immutable.ImmutableArray<int> starts, out _);
        ILookup<int, string> lines = Enumerable.Range(0, starts.Length).ToLookup(i => starts[i], i => ClassicListing.Line(filter.Instructions[i], i));
        var listing = new ProgramListing(code)
        {
            IsOneFunction = true,
            Source = slot => lines[slot].Any() ? new ListingSource(string.Join("\n; ", lines[slot]), "", 0, 0) : null,
        };
        listing.WriteText(output);
    }

    private static int Judge(ClassicProgram filter, string input, string? output, bool inKernel, bool isJson)
    {
        if (filter.Use == ClassicUse.Seccomp)
        {
            throw new UsageException("a seccomp filter judges system calls, not packets; leave --packets out");
        }

        using PacketReader packets = PacketFile.Open(input);
        using IEngine engine = !inKernel ? new VmEngine() : OperatingSystem.IsLinux() ? KernelEngine.Open() : throw RunErrors.KernelNeedsLinux();
        using LoadedObject loaded = engine.Load(ClassicObject.Translate(filter, section: FrameSection));
        LoadedProgram program = loaded.Programs[0];
        using FileStream? stream = output is null ? null : Create(output);
        using PcapngWriter? writer = stream is null ? null : new PcapngWriter(stream, "osmia", leaveOpen: true);
        var tally = new Tally(program, writer);
        while (packets.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame))
        {
            tally.Judge(info, frame);
        }

        tally.Write(isJson);
        return ExitCode.Success;
    }

    private static FileStream Create(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UsageException($"--write {path}: {e.Message}");
        }
    }

    private sealed class Tally(LoadedProgram program, PcapngWriter? writer)
    {
        private readonly Dictionary<(int Id, PacketLinkType Type), int> _interfaces = [];
        private long _kept;
        private long _keptBytes;
        private long _dropped;
        private long _droppedBytes;
        private long _skipped;
        private double _nanoseconds;

        public void Judge(in PacketInfo info, ReadOnlySpan<byte> frame)
        {
            if (!program.TakesFrame(frame))
            {
                _skipped++;
                return;
            }

            ProgramRunResult result = program.Run(new ProgramRun { Data = frame });
            _nanoseconds += result.NanosecondsPerRun;
            if ((uint)result.ReturnValue == 0)
            {
                _dropped++;
                _droppedBytes += frame.Length;
                return;
            }

            _kept++;
            _keptBytes += frame.Length;
            if (writer is null)
            {
                return;
            }

            if (!_interfaces.TryGetValue((info.InterfaceId, info.LinkType), out int id))
            {
                _interfaces[(info.InterfaceId, info.LinkType)] = id = writer.AddInterface(info.LinkType);
            }

            writer.Write(id, Math.Max(0, info.TimestampNs), frame[..(int)Math.Min((uint)frame.Length, (uint)result.ReturnValue)], info.OriginalLength);
        }

        public void Write(bool isJson)
        {
            if (isJson)
            {
                JsonOutput.Write(false, json =>
                {
                    json.WriteStartObject();
                    json.WriteNumber("kept", _kept);
                    json.WriteNumber("kept_bytes", _keptBytes);
                    json.WriteNumber("dropped", _dropped);
                    json.WriteNumber("dropped_bytes", _droppedBytes);
                    json.WriteNumber("skipped", _skipped);
                    json.WriteEndObject();
                });
            }
            else
            {
                var table = new TextTable("VERDICT", "PACKETS", "BYTES");
                table.Add("keep", $"{_kept}", $"{_keptBytes}");
                table.Add("drop", $"{_dropped}", $"{_droppedBytes}");
                table.Write(Console.Out, indent: "");
            }

            string skipped = _skipped > 0 ? $", {_skipped} skipped (frames without whole headers or over a page, which the kernel's test run does not take)" : "";
            long packets = _kept + _dropped;
            Console.Error.WriteLine($"{packets} packets, {_keptBytes + _droppedBytes} bytes{skipped}; {_nanoseconds / Math.Max(1, packets):0} ns per packet");
        }
    }
}
