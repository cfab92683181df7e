using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm.Execution;

namespace Osmia.Vm;

/// <summary>
/// A program judging one packet after another without giving its execution slot back between them, and without looking at the clock: for whoever has
/// packets by the million. It belongs to the thread that opened it, occupies one of <see cref="VmOptions.Slots"/>, and keeps programs and maps of the
/// engine from being unloaded until it is disposed.
/// </summary>
public sealed class PacketSession : IDisposable
{
    private readonly VmProgram _program;
    private ExecutionSlot? _slot;

    internal PacketSession(VmProgram program)
    {
        _program = program;
        if ((program.Kind & ProgramKind.Packet) == 0)
        {
            throw new UnsupportedFeatureException(
                new Diagnostic(DiagnosticIds.NoPacketProgram, $"program '{program.Name}' judges no packets")
                {
                    Where = $"program '{program.Name}' (section {program.Definition.Section.Name})",
                    Why = $"it is a program of type {program.Type.ToKernelName()}; packets are for xdp, sched_cls, sched_act, socket_filter and cgroup_skb programs",
                    Try = "call LoadedProgram.Run, or raise the events of its hook",
                }, program.Type.ToKernelName(), VmEngine.EngineName);
        }

        ExecutionSlot slot = program.Engine.Slots.Lease();
        if (!program.TryAcquire())
        {
            slot.Return();
            throw new ObjectDisposedException(nameof(VmProgram));
        }

        _slot = slot;
    }

    /// <summary>Runs the program once on a frame, which is copied: the program changes <see cref="Packet"/>.</summary>
    /// <returns>r0: the verdict.</returns>
    /// <exception cref="TrapException">The program was stopped; the session goes on with the next packet.</exception>
    public ulong Judge(ReadOnlySpan<byte> frame)
    {
        ExecutionSlot slot = _slot ?? throw new ObjectDisposedException(nameof(PacketSession));
        if (slot.OwnerThread != Environment.CurrentManagedThreadId)
        {
            throw new InvalidOperationException("a packet session belongs to the thread that opened it");
        }

        slot.PreparePacket(_program, frame);
        return _program.RunIn(slot);
    }

    /// <summary>The last packet as the program left it, without metadata; of socket filters and cgroup_skb programs what they see, behind the Ethernet header. Valid until the next one.</summary>
    public ReadOnlySpan<byte> Packet => _slot is { } slot ? slot.Packet : throw new ObjectDisposedException(nameof(PacketSession));

    /// <summary>Where the last packet was sent, when its verdict is a redirect.</summary>
    public Redirection Redirect => _slot is { } slot ? slot.Redirect : throw new ObjectDisposedException(nameof(PacketSession));

    public void Dispose()
    {
        if (_slot is { } slot)
        {
            _slot = null;
            slot.AllowToRun();
            slot.Return();
            _program.Release();
        }
    }
}
