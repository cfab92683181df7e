using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Linking;
using Osmia.Tests.Kernel;

namespace Osmia.Tests.Tables;

/// <summary>A program type with an expected attach type that this kernel loads.</summary>
internal sealed record TrialPlace(ProgramType Type, AttachType? AttachType, TypeId AttachBtfId, bool IsSleepable)
{
    public override string ToString() => Type.ToKernelName() + (AttachType is { } attach ? "/" + attach.ToKernelName() : "");
}

/// <summary>A program, and where its second function begins if it has one.</summary>
/// <param name="Types">The BTF of <see cref="MapTrial"/>, which names the functions.</param>
internal readonly record struct TrialCode(Instruction[] Code, int? CallbackSlot, BpfHandle Types);

/// <summary>What the verifier said of a program that was loaded to be judged and dropped.</summary>
/// <param name="Error">0, or an errno.</param>
internal readonly record struct TrialVerdict(int Error, string Log)
{
    public bool IsAccepted => Error == 0;
}

/// <summary>
/// Loads programs of a few instructions to hear what the kernel allows. The tables are of Linux 6.18: on another release the tests that
/// compare with them are skipped by that name.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class KernelTrial
{
    private const uint TableVersion = 0x61200;
    private const uint SleepableFlag = 1 << 4;
    private const string Gpl = "GPL";
    private const string SysEnter = "btf_trace_sys_enter";
    private const string TaskIterator = "bpf_iter_task";
    private const string Implemented = "tcp_congestion_ops";

    private readonly byte[] _log = new byte[64 * 1024];
    private readonly uint _kernelVersion;

    private KernelTrial(Target target)
    {
        Types = target.Types!;
        _kernelVersion = target.KernelVersion;
    }

    public BtfTypes Types { get; }

    public static KernelTrial OpenOrSkip()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipWhen(engine.Target.Types is null, "needs the kernel's BTF");
        Assert.SkipUnless((engine.Target.KernelVersion & 0xffff00) == TableVersion, $"needs Linux 6.18, of which the tables are; this is {engine.Target.Name}");
        return new KernelTrial(engine.Target);
    }

    /// <summary>Every program type with each of its attach types, as far as an empty program of it loads here.</summary>
    public List<TrialPlace> Places(out List<TrialPlace> refused)
    {
        var places = new List<TrialPlace>();
        refused = [];
        foreach (ProgramTypeFacts row in ProgramTypeTable.All)
        {
            foreach (AttachType? attach in row.AttachTypes.Count == 0 || row.AttachRule == AttachTypeRule.MemberIndex ? [null] : row.AttachTypes.Select(type => (AttachType?)type))
            {
                if (AttachTypeTable.Since(attach ?? AttachType.CgroupInetIngress) > new KernelVersion(6, 18))
                {
                    continue;
                }

                var place = new TrialPlace(row.Type, attach, AttachPoint(row.Type, attach), row.Sleep == SleepRule.Always);
                (Load(place, Return(1)).IsAccepted ? places : refused).Add(place);
            }
        }

        return places;
    }

    public TrialVerdict Load(TrialPlace place, TrialCode code, string license = Gpl, uint logLevel = 1) =>
        Load(place.Type, (uint)(place.AttachType ?? 0), place.AttachBtfId, place.IsSleepable, code.Code, license, logLevel, code);

    public TrialVerdict Load(TrialPlace place, ReadOnlySpan<Instruction> code, string license = Gpl, uint logLevel = 1) =>
        Load(place.Type, (uint)(place.AttachType ?? 0), place.AttachBtfId, place.IsSleepable, code, license, logLevel);

    public TrialVerdict Load(ProgramType type, uint attachType, TypeId attachBtfId, bool isSleepable, ReadOnlySpan<Instruction> code, string license = Gpl, uint logLevel = 1, TrialCode functions = default)
    {
        FunctionRecord[] records = functions.CallbackSlot is { } slot ? [new(0, MapTrial.MainFunction), new(slot, MapTrial.CallbackFunction)] : [];
        byte[] terminated = BpfSyscall.Terminated(license);
        fixed (Instruction* first = code)
        fixed (byte* text = terminated)
        fixed (byte* log = _log)
        fixed (FunctionRecord* function = records)
        {
            log[0] = 0;
            var attributes = new ProgramLoadAttributes
            {
                Type = (uint)type,
                InstructionCount = (uint)code.Length,
                Instructions = (ulong)first,
                License = (ulong)text,
                LogLevel = logLevel,
                LogSize = (uint)_log.Length,
                LogBuffer = (ulong)log,
                KernelVersion = _kernelVersion,
                Flags = isSleepable ? SleepableFlag : 0,
                ExpectedAttachType = attachType,
                AttachBtfId = attachBtfId.Value,
            };
            if (records.Length > 0)
            {
                attributes.BtfFd = functions.Types.Descriptor;
                (attributes.FunctionInfo, attributes.FunctionInfoCount, attributes.FunctionInfoSize) = ((ulong)function, (uint)records.Length, (uint)sizeof(FunctionRecord));
            }

            int result = BpfSyscall.Call(BpfCommand.ProgramLoad, ref attributes);
            for (int attempt = 0; result == -Errno.EAGAIN && attempt < 5; attempt++)
            {
                result = BpfSyscall.Call(BpfCommand.ProgramLoad, ref attributes);
            }

            if (result >= 0)
            {
                new BpfHandle(result).Dispose();
            }

            return new TrialVerdict(result >= 0 ? 0 : -result, VerifierLog.FromBuffer(_log).Text);
        }
    }

    public static Instruction Move(Register register, int value) => new(new Opcode(0xb7), register, Register.R0, 0, value);

    public static Instruction Copy(Register to, Register from) => new(new Opcode(0xbf), to, from, 0, 0);

    public static Instruction Call(int helper) => new(new Opcode(Opcodes.Call), Register.R0, Register.R0, 0, helper);

    public static Instruction Exit { get; } = new(new Opcode(0x95), Register.R0, Register.R0, 0, 0);

    public static Instruction[] Return(int value) => [Move(Register.R0, value), Exit];

    public static Instruction Load(int size, Register to, Register from, int offset) => new(new Opcode((byte)(0x61 | SizeBits(size))), to, from, (short)offset, 0);

    public static Instruction Store(int size, Register to, int offset, Register from) => new(new Opcode((byte)(0x63 | SizeBits(size))), to, from, (short)offset, 0);

    private static int SizeBits(int size) => size switch
    {
        1 => 0x10,
        2 => 0x08,
        8 => 0x18,
        _ => 0,
    };

    // A tracepoint, an iterator and a structure that every kernel with BTF has.
    private TypeId AttachPoint(ProgramType type, AttachType? attach) => (type, attach) switch
    {
        (ProgramType.Tracing, AttachType.TraceRawTp) => Types.Find(BtfKind.Typedef, SysEnter),
        (ProgramType.Tracing, AttachType.TraceIter) => Types.Find(BtfKind.Function, TaskIterator),
        (ProgramType.Tracing, _) => Types.Find(BtfKind.Function, "bpf_fentry_test1"),
        (ProgramType.Lsm, _) => Types.Find(BtfKind.Function, "bpf_lsm_file_open"),
        (ProgramType.StructOps, _) => Types.Find(BtfKind.Struct, Implemented),
        _ => TypeId.Void,
    };
}
