using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Functions that helpers call back. One that is called at once is walked as a loop: not at all, once, and again from the call for as
// long as a round ends in something that was not walked yet. One that runs later is walked by itself, with no caller.
internal sealed partial class PathWalk
{
    private readonly HashSet<(int Function, int Map, bool MaySleep)> _deferred = [];

    /// <summary>The function in a callback register: one of the program's own, and not seen from outside.</summary>
    private static int CallbackIn(in RegisterState value, Register register, string name)
    {
        if (value.Kind != RegisterKind.Function)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {name} holds {value.Describe()}, not the address of a function");
        }

        return value.Frame;
    }

    /// <summary>Puts a round of the callback aside and goes on as if there was none: the round comes back to this call.</summary>
    private void WalkCallback(HelperCall call)
    {
        Frame caller = _state.Current;
        if (call.Helper.Id == HelperId.Loop)
        {
            RequirePrecise(Register.R1);
            if ((ulong)caller.CallbackDepth >= Read(Register.R1).Number.Wide.UMax)
            {
                caller.CallbackDepth = 0;
                return;
            }
        }

        HelperCallback callback = HelperCallback.Of(call.Helper.Id) ?? throw Stop.NotModelled($"the callback of {call.Name}");
        RequireFrame();
        PathState round = _state.Copy();
        round.Current.CallbackDepth++;
        round.Rounds++;
        var frame = Frame.Create(round.Frames.Count, call.Function, Slot, callback.Returns);
        for (int i = 0; i < callback.Parameters.Count; i++)
        {
            frame.Registers[i + 1] = CallbackArgument(callback.Parameters[i], call);
        }

        round.Frames.Add(frame);
        caller.CallbackDepth = 0;
        Later(round, call.Function);
    }

    /// <summary>The callback will run by itself some time: its own frame is the first.</summary>
    private void DeferCallback(int function, int map, bool maySleep, HelperCallback callback)
    {
        _stack.NoteDeferred(function);
        if (!_deferred.Add((function, map, maySleep)))
        {
            return;
        }

        var state = new PathState { IsSleepingCallback = maySleep };
        var frame = Frame.Create(0, function, -1, callback.Returns);
        for (int i = 0; i < callback.Parameters.Count; i++)
        {
            frame.Registers[i + 1] = OfMap(callback.Parameters[i], map);
        }

        state.Frames.Add(frame);
        Later(state, function);
    }

    private RegisterState CallbackArgument(CallbackParameter parameter, HelperCall call) => parameter switch
    {
        CallbackParameter.Scalar => RegisterState.Unknown,
        CallbackParameter.CallerPointer => this[call.Helper.Id == HelperId.FindVma ? Register.R4 : Register.R3],
        CallbackParameter.Task => this[Register.R1],
        CallbackParameter.MemoryArea => RegisterState.Pointer(RegisterKind.Typed) with { Type = TargetType("vm_area_struct").Value },
        CallbackParameter.Dynptr => RegisterState.Dynptr(DynptrKind.Local, NewId(), 0, isFirst: true),
        CallbackParameter.ConstMap or CallbackParameter.MapKey or CallbackParameter.MapValue => OfMap(parameter, call.Map),
        _ => throw Stop.NotModelled($"the {parameter} a callback of {call.Name} is given"),
    };

    private static RegisterState OfMap(CallbackParameter parameter, int map) => RegisterState.Pointer(parameter switch
    {
        CallbackParameter.ConstMap => RegisterKind.Map,
        CallbackParameter.MapKey => RegisterKind.MapKey,
        _ => RegisterKind.MapValue,
    }, parameter == CallbackParameter.MapKey ? PointerTraits.ReadOnly : PointerTraits.None) with
    { Map = map };

    private void RequireFrame()
    {
        if (_state.Frames.Count == PathState.MaximumFrames)
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"calls are nested deeper than {PathState.MaximumFrames} frames");
        }
    }

    /// <summary>A callback that runs at once goes back to the call, which may call it again.</summary>
    private int ReturnFromCallback(Frame callback)
    {
        RequireCallbackResult(callback.Registers[0], callback.CallbackReturns!.Value);
        _stack.Note(callback);
        _state.Frames.RemoveAt(_state.Frames.Count - 1);
        WidenAfterRound(callback.CallSlot);
        return callback.CallSlot;
    }

    private void RequireCallbackResult(in RegisterState result, ReturnRange range)
    {
        Read(Register.R0);
        RequirePrecise(Register.R0);
        if (!result.IsNumber)
        {
            throw Stop.Reject(CheckFamily.ReturnValue, $"a callback returns {result.Describe()}, not a number from {range}");
        }

        Interval<ulong, long> number = result.Number.Wide;
        if (number.SMin < range.Minimum || number.SMax > range.Maximum)
        {
            throw Stop.Reject(CheckFamily.ReturnValue, $"a callback returns a number from {number.SMin} to {number.SMax}; this one returns {range}");
        }
    }
}
