using Osmia.Objects.Diagnostics;

namespace Osmia.Runtime.Packets;

public sealed record VerdictCount(string Verdict)
{
    public long Packets { get; internal set; }

    internal ulong ReturnValue { get; init; }

    /// <summary>Captured bytes.</summary>
    public long Bytes { get; internal set; }
}

/// <summary>
/// Hands the packets of a capture to one program, in either engine, and counts what it answers. A packet that traps
/// is counted and the replay goes on; the first trap is kept.
/// </summary>
public sealed class PacketReplay(LoadedProgram program)
{
    private readonly Dictionary<long, VerdictCount> _verdicts = [];
    private readonly byte[] _lookup = new byte[SocketLookupContext.Size];
    private double _nanoseconds;

    /// <summary>Takes the packets as the program left them; null when nobody wants them.</summary>
    public PacketOutput? Output { get; init; }

    /// <summary>By the value the program returned.</summary>
    public IReadOnlyList<VerdictCount> Verdicts
    {
        get
        {
            List<VerdictCount> sorted = [.. _verdicts.Values];
            sorted.Sort((left, right) => left.ReturnValue.CompareTo(right.ReturnValue));
            return sorted;
        }
    }

    /// <summary>Packets the program judged.</summary>
    public long Packets { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>The program chooses sockets: it is asked about frames that open a connection, and sees no packet.</summary>
    public bool IsLookup => program.Type == Bytecode.ProgramType.SkLookup;

    /// <summary>Packets that the engine does not take (<see cref="LoadedProgram.TakesFrame"/>), or that open no connection: the program did not see them.</summary>
    public long Skipped { get; private set; }

    public long Traps { get; private set; }

    public TrapException? FirstTrap { get; private set; }

    /// <summary>Number of the packet that trapped first, counted from 1 as capture tools do.</summary>
    public long FirstTrapPacket { get; private set; }

    public double NanosecondsPerPacket => Packets == 0 ? 0 : _nanoseconds / Packets;

    /// <summary>Replays until the capture ends, <paramref name="limit"/> packets were read, or <paramref name="cancellation"/> is signalled.</summary>
    public void Run(PacketReader reader, long limit = long.MaxValue, CancellationToken cancellation = default)
    {
        for (long read = 0; read < limit && !cancellation.IsCancellationRequested && reader.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame); read++)
        {
            Judge(info, frame);
        }
    }

    /// <summary>Hands over one frame.</summary>
    /// <returns>The program's return value, or null when it did not see the frame or trapped.</returns>
    public ulong? Judge(ReadOnlySpan<byte> frame) => Judge(new PacketInfo(0, 0, frame.Length, (uint)frame.Length, PacketLinkType.Ethernet), frame);

    /// <param name="info">What the capture says of the frame, for <see cref="Output"/>.</param>
    /// <inheritdoc cref="Judge(ReadOnlySpan{byte})"/>
    public ulong? Judge(in PacketInfo info, ReadOnlySpan<byte> frame)
    {
        if (IsLookup ? !SocketLookupContext.TryMake(frame, _lookup) : !program.TakesFrame(frame))
        {
            Skipped++;
            return null;
        }

        ProgramRunResult result;
        Packets++;
        Bytes += frame.Length;
        try
        {
            result = IsLookup ? Look(info, frame)
                : Output is null ? program.Run(new ProgramRun { Data = frame }) : Output.Run(program, info, frame);
        }
        catch (TrapException trap)
        {
            Traps++;
            if (FirstTrap is null)
            {
                (FirstTrap, FirstTrapPacket) = (trap, Packets + Skipped);
            }

            return null;
        }

        _nanoseconds += result.NanosecondsPerRun;
        // Socket filters return a length: what matters is whether it is zero.
        ulong key = program.Type == Bytecode.ProgramType.SocketFilter ? Math.Min(result.ReturnValue, 1) : result.ReturnValue;
        if (!_verdicts.TryGetValue((long)key, out VerdictCount? count))
        {
            _verdicts[(long)key] = count = new VerdictCount(NameOf(key)) { ReturnValue = key };
        }

        count.Packets++;
        count.Bytes += frame.Length;
        return result.ReturnValue;
    }

    private ProgramRunResult Look(in PacketInfo info, ReadOnlySpan<byte> frame)
    {
        ProgramRunResult result = program.Run(new ProgramRun { Context = _lookup });
        Output?.TakeUnchanged(program.Type, info, frame, result);
        return result;
    }

    private string NameOf(ulong key) => Osmia.Runtime.Packets.Verdicts.NameOf(program.Type, key);
}
