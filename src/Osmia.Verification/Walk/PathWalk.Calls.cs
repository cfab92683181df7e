using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Calls of the program's own functions, and exits.
internal sealed partial class PathWalk
{
    private const int FirstSaved = 6;

    private int Call(Instruction instruction)
    {
        if (instruction.IsHelperCall)
        {
            CallHelper(instruction.Immediate);
            return Slot + 1;
        }

        if (!instruction.IsLocalCall)
        {
            throw Stop.NotModelled(instruction.IsKfuncCall ? "kernel functions" : "calls through registers");
        }

        int callee = Slot + 1 + instruction.Immediate;
        if (_scope.IsGlobal(_program.FunctionAt(callee)))
        {
            CallGlobal(_program.FunctionAt(callee));
            return Slot + 1;
        }

        if (_state.Frames.Count == PathState.MaximumFrames)
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"calls are nested deeper than {PathState.MaximumFrames} frames");
        }

        Frame caller = _state.Current;
        var frame = Frame.Create(_state.Frames.Count, callee, Slot);
        for (int i = 1; i < FirstSaved; i++)
        {
            frame.Registers[i] = caller.Registers[i];
        }

        ForgetCallerSaved();
        _state.Frames.Add(frame);
        return callee;
    }

    /// <summary>Holds the arguments against the function's contract; what it does is found when it is walked by itself.</summary>
    private void CallGlobal(LinkedFunction function)
    {
        FunctionContract contract = _scope.ContractOf(function);
        for (int i = 0; i < contract.Arguments.Count; i++)
        {
            var register = (Register)(i + 1);
            RegisterState value = Read(register);
            if (value.IsNull)
            {
                RequirePrecise(register);
            }

            ContractArgument argument = contract.Arguments[i];
            bool fits = argument.Kind switch
            {
                ContractKind.Number => value.IsNumber,
                ContractKind.Context => value.Kind == RegisterKind.Context && !value.IsNullable && value.Offset == 0,
                _ => value.IsPointer || (value.IsNull && argument.IsNullable),
            };
            if (!fits || (argument is { Kind: ContractKind.Memory, IsNullable: false } && value.IsNullable))
            {
                throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of global function '{function.Name}' holds {value.Describe()}; its parameter is {argument.Kind.ToString().ToLowerInvariant()}");
            }

            if (argument.Kind == ContractKind.Memory && !value.IsNull)
            {
                // The function may write what it is given.
                RegisterState memory = value with { Traits = value.Traits & ~PointerTraits.Nullable };
                CheckMemory(memory, $"{Name(register)} of '{function.Name}'", argument.Size, writes: false, mayBeEmpty: false);
                CheckMemory(memory, $"{Name(register)} of '{function.Name}'", argument.Size, writes: true, mayBeEmpty: false);
            }
        }

        GlobalsCalled.Add(function);
        if (_scope.ChangesPacket(_shape, function.Slot))
        {
            ForgetPacket();
        }

        ForgetCallerSaved();
        if (contract.ReturnsNumber)
        {
            this[Register.R0] = RegisterState.Unknown;
        }
    }

    private int Exit()
    {
        RegisterState result = _state.Registers[0];
        if (_state.Frames.Count > 1)
        {
            return Return(result);
        }

        RequireNoObjectReturned(result);
        if (_state.References.Count > 0)
        {
            throw Stop.Reject(CheckFamily.References, "the program ends while it holds a reference: what a helper handed out must be released or submitted on every path");
        }

        if (_contract is { } contract)
        {
            if (contract.ReturnsNumber && !Read(Register.R0).IsNumber)
            {
                throw Stop.Reject(CheckFamily.ReturnValue, $"global function '{contract.Name}' returns {result.Describe()}, not a number");
            }

            return PathEnds;
        }

        CheckResult();
        return PathEnds;
    }

    private int Return(RegisterState result)
    {
        if (result.Kind == RegisterKind.Stack)
        {
            throw Stop.Reject(CheckFamily.StackUse, "a function returns a pointer into its stack, which ends with it");
        }

        Frame callee = _state.Current;
        _stack.Note(callee);
        _state.Frames.RemoveAt(_state.Frames.Count - 1);
        _state.Registers[0] = result;
        return callee.CallSlot + 1;
    }

    /// <summary>r0 to r5 do not survive a call.</summary>
    private void ForgetCallerSaved()
    {
        for (int i = 0; i < FirstSaved; i++)
        {
            _state.Registers[i] = default;
        }
    }
}
