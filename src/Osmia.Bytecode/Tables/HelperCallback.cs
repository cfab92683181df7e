namespace Osmia.Bytecode;

/// <summary>What a callback finds in an argument register.</summary>
public enum CallbackParameter
{
    Scalar,
    ConstMap,
    MapKey,
    MapValue,

    /// <summary>The pointer the caller passed for it (a pointer into the caller's stack, or null).</summary>
    CallerPointer,

    /// <summary>The caller's <c>struct task_struct</c>.</summary>
    Task,

    /// <summary>A <c>struct vm_area_struct</c>.</summary>
    MemoryArea,

    /// <summary>A dynptr over one record, to read.</summary>
    Dynptr,
}

/// <summary>The function that a helper calls back: its parameters in r1 to r5 and the numbers it may return.</summary>
/// <remarks>Source: the <c>set_*_callback_state</c> functions of kernel/bpf/verifier.c; tried on Linux 6.18.</remarks>
public sealed record HelperCallback(IReadOnlyList<CallbackParameter> Parameters, ReturnRange Returns)
{
    private static readonly ReturnRange s_goOnOrStop = new(0, 1);

    /// <summary>Null for a helper that takes no function.</summary>
    public static HelperCallback? Of(HelperId helper) => helper switch
    {
        HelperId.ForEachMapElem => new([CallbackParameter.ConstMap, CallbackParameter.MapKey, CallbackParameter.MapValue, CallbackParameter.CallerPointer], s_goOnOrStop),
        HelperId.TimerSetCallback => new([CallbackParameter.ConstMap, CallbackParameter.MapKey, CallbackParameter.MapValue], new ReturnRange(0, 0)),
        HelperId.FindVma => new([CallbackParameter.Task, CallbackParameter.MemoryArea, CallbackParameter.CallerPointer], s_goOnOrStop),
        HelperId.Loop => new([CallbackParameter.Scalar, CallbackParameter.CallerPointer], s_goOnOrStop),
        HelperId.UserRingbufDrain => new([CallbackParameter.Dynptr, CallbackParameter.CallerPointer], s_goOnOrStop),
        _ => null,
    };
}
