using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Features;

/// <summary>Where a trial's program says it will be attached.</summary>
internal readonly record struct TrialPlace(ProgramType Type, AttachType? AttachType, TypeId AttachBtfId);

/// <summary>Loads programs of a few instructions to hear what the kernel says.</summary>
internal sealed unsafe class ProgramTrial(uint kernelVersion)
{
    private const uint SleepableFlag = 1 << 4;
    private const int LogSize = 16 * 1024;

    private static readonly byte[] s_license = BpfSyscall.Terminated("GPL");

    private readonly byte[] _log = GC.AllocateUninitializedArray<byte>(LogSize);

    public static Instruction Move(Register to, int value) => new(new Opcode(0xb7), to, Register.R0, 0, value);

    public static Instruction Exit { get; } = new(new Opcode(Opcodes.Exit), Register.R0, Register.R0, 0, 0);

    /// <summary>Returns 1, which every program type may.</summary>
    public static Instruction[] Empty { get; } = [Move(Register.R0, 1), Exit];

    /// <returns>A descriptor or a negated errno.</returns>
    public int Load(in TrialPlace place, ReadOnlySpan<Instruction> code, out string log)
    {
        fixed (Instruction* first = code)
        fixed (byte* license = s_license)
        fixed (byte* text = _log)
        {
            text[0] = 0;
            var attributes = new ProgramLoadAttributes
            {
                Type = (uint)place.Type,
                InstructionCount = (uint)code.Length,
                Instructions = (ulong)first,
                License = (ulong)license,
                LogLevel = 1,
                LogSize = LogSize,
                LogBuffer = (ulong)text,
                KernelVersion = kernelVersion,
                Flags = ProgramTypeTable.Find(place.Type)?.Sleep == SleepRule.Always ? SleepableFlag : 0,
                ExpectedAttachType = (uint)(place.AttachType ?? 0),
                AttachBtfId = place.AttachBtfId.Value,
            };
            int result = BpfSyscall.Call(BpfCommand.ProgramLoad, ref attributes);
            for (int attempt = 0; result == -Errno.EAGAIN && attempt < 5; attempt++)
            {
                result = BpfSyscall.Call(BpfCommand.ProgramLoad, ref attributes);
            }

            log = result >= 0 ? "" : VerifierLog.FromBuffer(_log).Text;
            return result;
        }
    }
}
