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

        if (instruction.IsKfuncCall)
        {
            return CallKfunc(instruction);
        }

        if (!instruction.IsLocalCall)
        {
            throw Stop.Reject(CheckFamily.Encoding, "calls through registers are for programs of other machines; the kernel has none");
        }

        int callee = Slot + 1 + instruction.Immediate;
        if (_scope.IsGlobal(_program.FunctionAt(callee)))
        {
            CallGlobal(_program.FunctionAt(callee));
            return Slot + 1;
        }

        RequireFrame();
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
        RequireNoLock($"global function '{function.Name}' is called");
        for (int i = 0; i < contract.Arguments.Count; i++)
        {
            var register = (Register)(i + 1);
            RegisterState value = Read(register);
            if (value.IsNull)
            {
                RequirePrecise(register);
            }

            CheckContract(function, contract.Arguments[i], register, value);
        }

        if (_scope.MaySleep(_shape, function.Slot))
        {
            if (!MaySleep)
            {
                throw Stop.Reject(CheckFamily.Allowance, $"global function '{function.Name}' may sleep, and this program may not");
            }

            RequireSleepHere($"global function '{function.Name}'");
        }

        GlobalsCalled.Add(function);
        if (_scope.ChangesPacket(_shape, function.Slot))
        {
            ForgetPacket();
        }

        ForgetCallerSaved();
        this[Register.R0] = RegisterState.Unknown;
    }

    private void CheckContract(LinkedFunction function, ContractArgument argument, Register register, RegisterState value)
    {
        bool isNull = value.IsNull && argument.IsNullable;
        RegisterState there = argument.IsNullable ? value with { Traits = value.Traits & ~PointerTraits.Nullable } : value;
        bool fits = isNull || argument.Kind switch
        {
            ContractKind.Number => value.IsNumber,
            ContractKind.Context => value.Kind == RegisterKind.Context && !value.IsNullable && value.Offset == 0,
            ContractKind.Object => IsTypedArgument(there, argument.TypeName, isStrict: false) || IsTypedArgument(there, argument.TypeName, isStrict: false, PointerTraits.Rcu),
            ContractKind.Dynptr => InitialisedDynptr(value, $"{Name(register)} of '{function.Name}'").Kind == RegisterKind.Dynptr,
            ContractKind.Arena => value.Kind == RegisterKind.Arena || value.IsNumber,
            // Nothing is expected of what is read with faults caught.
            ContractKind.UntrustedObject or ContractKind.UntrustedMemory => true,
            // The kernel takes the constant 0 here too, and the function would read what is not there.
            _ => there.IsPointer && !there.IsNullable,
        };
        if (!fits)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of global function '{function.Name}' holds {value.Describe()}; its parameter is {Describe(argument)}");
        }

        if (argument.Kind == ContractKind.Memory && !isNull)
        {
            // The function may write what it is given.
            CheckMemory(there, $"{Name(register)} of '{function.Name}'", argument.Size, writes: false, mayBeEmpty: false);
            CheckMemory(there, $"{Name(register)} of '{function.Name}'", argument.Size, writes: true, mayBeEmpty: false);
        }
    }

    private static string Describe(ContractArgument argument) => argument.Kind switch
    {
        ContractKind.Number => "a number",
        ContractKind.Context => "the context",
        ContractKind.Object => $"a pointer to struct {argument.TypeName}",
        ContractKind.Arena => "an address in the arena",
        _ => $"memory of {argument.Size} bytes",
    };

    private int Exit()
    {
        RegisterState result = _state.Registers[0];
        if (_state.Frames.Count > 1)
        {
            return Return(result);
        }

        RequireNoLock("the program ends");
        RequireNoObjectReturned(result);
        if (_state.References.Count > 0)
        {
            throw Stop.Reject(CheckFamily.References, "the program ends while it holds a reference: what a helper handed out must be released or submitted on every path");
        }

        RequireNoSection("the program ends");
        if (_state.Current.CallbackReturns is { } deferred)
        {
            RequireCallbackResult(result, deferred);
            return PathEnds;
        }

        if (_contract is { } contract)
        {
            if (!Read(Register.R0).IsNumber)
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
        if (callee.CallbackReturns is not null)
        {
            return ReturnFromCallback(callee);
        }

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
