using System.Text;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Devices;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Vm;

namespace Osmia.Cli.Run;

/// <summary><c>osmia run FILE --packets CAPTURE</c>: one program judges every packet, in the virtual machine or by the kernel's test run.</summary>
internal static class PacketRun
{
    public static int Run(RunSettings settings)
    {
        BpfObject source = ObjectPreparation.Prepare(settings);
        string name = ObjectPreparation.SelectPacketProgram(source, settings);
        using IEngine engine = settings.Engine == EngineChoice.Kernel ? OpenKernel() : new VmEngine(new VmOptions { Trace = WriteTrace });
        using LoadedObject loaded = engine.Load(source);
        LoadedProgram program = loaded.Program(name);
        ObjectPreparation.FillMaps(loaded, settings);
        using var stop = new StopSignal();
        if (settings.Duration is { } duration)
        {
            stop.StopAfter(duration);
        }

        using Stream output = StandardOutput.Open();
        using var pump = new EventPump(loaded, settings with { Count = long.MaxValue }, null, output);
        using PacketReader packets = Open(settings, stop.Token);
        using PacketRecorder? recorder = settings.WriteTo is { } capture ? PacketRecorder.Create(capture) : null;
        using PacketForwarder? forwarder = OperatingSystem.IsLinux() && packets is PacketDevice device ? new PacketForwarder(device, null, PacketDevice.Open, recorder) : null;
        var replay = new PacketReplay(program) { Output = (PacketOutput?)forwarder ?? recorder };
        Console.Error.WriteLine($"engine {engine.Name}: {program.Type.ToKernelName()} program {program.Name} judges {settings.Packets ?? $"packets of {settings.Tap ?? settings.Attach.Device}; Ctrl-C stops"}");
        while (!stop.IsSet && replay.Packets + replay.Skipped < settings.Count && packets.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame))
        {
            replay.Judge(info, frame);
            pump.Drain();
        }

        WriteVerdicts(output, replay, settings.Json);
        if (settings.ShowMaps)
        {
            new MapReport(loaded, null, settings.Json).Write(output);
        }

        WriteTotals(replay, pump, loaded);
        if (forwarder is not null)
        {
            string lost = forwarder.Undeliverable > 0 ? $", {forwarder.Undeliverable} to interfaces that are not there" : "";
            Console.Error.WriteLine($"{forwarder.SentBack} sent back, {forwarder.Redirected} redirected{lost}");
        }

        if (recorder is not null)
        {
            Console.Error.WriteLine($"{recorder.Packets} packets written to {settings.WriteTo}");
        }

        return replay.Traps == 0 ? ExitCode.Success : ExitCode.Error;
    }

    private static PacketReader Open(RunSettings settings, CancellationToken stop) =>
        settings.Packets is { } capture ? PacketFile.Open(capture)
        : !OperatingSystem.IsLinux() ? throw RunErrors.KernelNeedsLinux()
        : settings.Tap is { } tap ? PacketDevice.CreateTap(tap, stop)
        : PacketDevice.Open(settings.Attach.Device!, stop);

    private static KernelEngine OpenKernel() => OperatingSystem.IsLinux() ? KernelEngine.Open() : throw RunErrors.KernelNeedsLinux();

    /// <summary>What bpf_printk says, which the kernel would put into its trace pipe.</summary>
    private static void WriteTrace(ReadOnlySpan<byte> text) => Console.Error.WriteLine(Encoding.UTF8.GetString(text));

    private static void WriteVerdicts(Stream output, PacketReplay replay, bool json)
    {
        if (json)
        {
            foreach (VerdictCount verdict in replay.Verdicts)
            {
                using (var writer = new Utf8JsonWriter(output, JsonOutput.Plain))
                {
                    writer.WriteStartObject();
                    writer.WriteString("verdict", verdict.Verdict);
                    writer.WriteNumber("packets", verdict.Packets);
                    writer.WriteNumber("bytes", verdict.Bytes);
                    writer.WriteEndObject();
                }

                output.WriteByte((byte)'\n');
            }

            return;
        }

        var table = new TextTable("VERDICT", "PACKETS", "BYTES");
        foreach (VerdictCount verdict in replay.Verdicts)
        {
            table.Add(verdict.Verdict, $"{verdict.Packets}", $"{verdict.Bytes}");
        }

        var text = new StringWriter();
        table.Write(text, indent: "");
        output.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static void WriteTotals(PacketReplay replay, EventPump pump, LoadedObject loaded)
    {
        if (replay.FirstTrap is { } trap)
        {
            Console.Error.WriteLine($"packet {replay.FirstTrapPacket}: {TrapText.Describe(trap)}");
        }

        string reason = replay.IsLookup ? "frames that open no connection" : "frames without whole headers or over a page, which the kernel's test run does not take";
        string skipped = replay.Skipped > 0 ? $", {replay.Skipped} skipped ({reason})" : "";
        string traps = replay.Traps > 0 ? $", {replay.Traps} trapped" : "";
        string records = pump.IsEmpty ? "" : $", {pump.Records} records, {LostRecords.Describe(loaded, pump.Lost)}";
        Console.Error.WriteLine($"{replay.Packets} packets, {replay.Bytes} bytes{traps}{skipped}{records}; {replay.NanosecondsPerPacket:0} ns per packet");
    }
}
