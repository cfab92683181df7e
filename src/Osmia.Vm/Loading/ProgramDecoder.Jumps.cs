using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Vm.Helpers;
using Osmia.Vm.Kfuncs;

namespace Osmia.Vm.Loading;

/// <summary>RFC 9669 section 4.3: jumps and calls, and where they may land.</summary>
internal sealed unsafe partial class ProgramDecoder
{
    private DecodedInstruction DecodeJump(int slot, Instruction instruction)
    {
        bool is64 = instruction.Opcode.Is64Bit;
        bool isRegister = instruction.Opcode.UsesRegister;
        JumpOperation operation = instruction.Opcode.Jump;
        switch (operation)
        {
            case JumpOperation.Call:
                return DecodeCall(slot, instruction, is64 && !isRegister);
            case JumpOperation.Exit:
                if (!is64 || isRegister)
                {
                    throw UnknownOpcode(slot, instruction);
                }

                if (instruction is not { Registers: 0, Offset: 0, Immediate: 0 })
                {
                    throw BadField(slot, "an exit with operands", "the fields are reserved here and must be 0");
                }

                return new() { Op = Op.Exit };
            case JumpOperation.Ja:
                if (isRegister)
                {
                    throw UnknownOpcode(slot, instruction);
                }

                if (instruction.Registers != 0 || (is64 ? instruction.Immediate : instruction.Offset) != 0)
                {
                    throw BadField(slot, "a goto with operands", "the fields are reserved here and must be 0");
                }

                return new() { Op = Op.Ja64K, Offset = Target(slot, is64 ? instruction.Offset : instruction.Immediate) };
            case JumpOperation.Jcond:
                if (!is64 || isRegister)
                {
                    throw UnknownOpcode(slot, instruction);
                }

                if (instruction.Registers != 0 || instruction.Immediate != 0)
                {
                    throw BadField(slot, "a may_goto with operands", "the fields are reserved here and must be 0");
                }

                return new() { Op = Op.MayGoto, Offset = Target(slot, instruction.Offset) };
            case > JumpOperation.Jsle:
                throw UnknownOpcode(slot, instruction);
        }

        if (isRegister ? instruction.Immediate != 0 : instruction.SourceKind != 0)
        {
            throw BadField(slot, "a jump with both a register and an immediate", "the field that is not compared is reserved and must be 0");
        }

        return new()
        {
            Op = At(Op.Ja32K, (((int)operation >> 4) * 4) + (is64 ? 2 : 0) + (isRegister ? 1 : 0)),
            Offset = Target(slot, instruction.Offset),
            Immediate = instruction.Immediate,
        };
    }

    private int Target(int slot, int distance)
    {
        long target = (long)slot + 1 + distance;
        if (target < _functionStart || target >= _functionEnd)
        {
            throw Refuse(DiagnosticIds.BadControlFlow, slot, $"a jump to slot {target}", $"the function it stands in has slots {_functionStart} to {_functionEnd - 1}");
        }

        if (_isSecondHalf[target])
        {
            throw Refuse(DiagnosticIds.BadControlFlow, slot, $"a jump to slot {target}", "that slot is the second half of a 64-bit immediate load");
        }

        return distance + 1;
    }

    private DecodedInstruction DecodeCall(int slot, Instruction instruction, bool isPlain)
    {
        if (instruction.Opcode.Value == Opcodes.CallRegister)
        {
            if (instruction is not { SourceKind: 0, Offset: 0, Immediate: 0 })
            {
                throw BadField(slot, "a call through a register with a source, offset or immediate", "the fields are reserved here and must be 0");
            }

            return new() { Op = Op.CallRegister };
        }

        if (!isPlain)
        {
            throw UnknownOpcode(slot, instruction);
        }

        if (instruction.Destination != Register.R0 || (instruction.Offset != 0 && !instruction.IsKfuncCall))
        {
            throw BadField(slot, "a call with a destination register or offset", "the fields are reserved here and must be 0");
        }

        switch (instruction.SourceKind)
        {
            case CallKind.Local:
                return new() { Op = Op.CallLocal, Offset = instruction.Immediate + 1 };
            case CallKind.Kfunc when VmKfuncs.Find(instruction.Immediate) is { } function:
                if ((function.Kinds & _kind) == 0)
                {
                    throw new UnsupportedFeatureException(
                        Describe(DiagnosticIds.HelperNotForType, slot, $"kernel function {function.Name} is not available to {_program.Type.ToKernelName()} programs", $"it works on another context ({function.Kinds})"), function.Name, VmEngine.EngineName);
                }

                return new() { Op = Op.CallHelper, Offset = instruction.Immediate, Immediate = (long)function.Function };
            case CallKind.Kfunc:
                throw new UnsupportedFeatureException(
                    Describe(DiagnosticIds.KfuncCall, slot, $"a call of kernel function {instruction.Immediate} (kfunc) cannot run in the VM", "the number is one of another target, or the function is one the VM has not; VmKfuncs.Supported lists those it has",
                        "run the program in the kernel engine"), "kfunc", VmEngine.EngineName);
            case CallKind.Helper:
                return DecodeHelper(slot, instruction.Immediate);
            default:
                throw BadField(slot, $"a call of kind {instruction.SourceKind}", "calls are of helpers (0), local functions (1) and kernel functions (2)");
        }
    }

    private DecodedInstruction DecodeHelper(int slot, int id)
    {
        if (_hook?.HelperOf(id) is not null)
        {
            return new() { Op = Op.CallHelper, Offset = id, Immediate = (long)(delegate*<Execution.ExecutionSlot, ulong*, ulong>)&Hooks.HookHelper.Dispatch };
        }

        VmHelper? helper = VmHelpers.Find(id);
        string name = VmHelpers.NameOf(id);
        if (helper is null)
        {
            throw new UnsupportedFeatureException(
                Describe(DiagnosticIds.MissingHelper, slot, $"helper {name} is not available in the VM",
                    HelperAbsence.Of(id),
                    "run the program in the kernel engine, or leave it out when loading the object"), name, VmEngine.EngineName);
        }

        if ((helper.Kinds & _kind) == 0)
        {
            throw new UnsupportedFeatureException(
                Describe(DiagnosticIds.HelperNotForType, slot, $"helper {name} is not available to {_program.Type.ToKernelName()} programs", $"it works on another context ({helper.Kinds})"), name, VmEngine.EngineName);
        }

        if (id == (int)HelperId.TailCall)
        {
            return new() { Op = Op.TailCall, Offset = id };
        }

        return new() { Op = Op.CallHelper, Offset = id, Immediate = (long)helper.Function };
    }
}
