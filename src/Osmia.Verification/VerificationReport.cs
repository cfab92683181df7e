using Osmia.Verification.Facts;

namespace Osmia.Verification;

public enum Verdict
{
    /// <summary>No path does anything forbidden.</summary>
    Accept,

    /// <summary>Some path does; <see cref="VerificationReport.Problem"/> says what.</summary>
    Reject,

    /// <summary>The program uses something that is not modelled; <see cref="VerificationReport.Problem"/> names it.</summary>
    Unknown,
}

/// <summary>The kernel's families of checks.</summary>
public enum CheckFamily
{
    Encoding,
    ControlFlow,
    Uninitialised,
    Dereference,
    MemoryBounds,
    PointerArithmetic,
    ContextAccess,
    StackUse,
    CallArgument,
    Allowance,
    References,
    ReturnValue,
    Limits,

    /// <summary>A pointer that may be null is used before it is compared.</summary>
    NullCheck,

    /// <summary>Packet bytes that no comparison with the packet's end shows to be there.</summary>
    PacketBounds,

    /// <summary>A loop that comes back with nothing changed.</summary>
    EndlessLoop,

    /// <summary>A chain of calls that needs more stack or frames than there are.</summary>
    StackSpace,
    NotModelled,
}

/// <summary>Why a program was not accepted.</summary>
/// <param name="Slot">The instruction, in the kernel's numbering.</param>
public sealed record VerificationProblem(CheckFamily Family, string Message, int Slot)
{
    /// <summary>Its page in docs/diagnostics has a program that is refused and one that is mended.</summary>
    public string Id => IdOf(Family);

    public static string IdOf(CheckFamily family) => family switch
    {
        CheckFamily.Encoding => "OSM3001",
        CheckFamily.ControlFlow => "OSM3002",
        CheckFamily.Uninitialised => "OSM3003",
        CheckFamily.Dereference => "OSM3004",
        CheckFamily.MemoryBounds => "OSM3005",
        CheckFamily.PointerArithmetic => "OSM3006",
        CheckFamily.ContextAccess => "OSM3007",
        CheckFamily.StackUse => "OSM3008",
        CheckFamily.CallArgument => "OSM3009",
        CheckFamily.Allowance => "OSM3010",
        CheckFamily.References => "OSM3011",
        CheckFamily.ReturnValue => "OSM3012",
        CheckFamily.Limits => "OSM3013",
        CheckFamily.NullCheck => "OSM3014",
        CheckFamily.PacketBounds => "OSM3015",
        CheckFamily.EndlessLoop => "OSM3016",
        CheckFamily.StackSpace => "OSM3017",
        _ => "OSM3099",
    };
}

/// <summary>The answer of the verifier for one program.</summary>
/// <param name="InstructionsProcessed">Instructions walked, on all paths together; the kernel stops at a million.</param>
/// <param name="TotalStates">States kept for comparison.</param>
/// <param name="PeakStates">States kept at one time: those of a function are let go when it has been walked.</param>
/// <param name="StackDepth">Bytes of stack of the deepest chain of calls.</param>
public sealed record VerificationReport(Verdict Verdict, VerificationProblem? Problem, int InstructionsProcessed, int TotalStates, int PeakStates, int StackDepth, TimeSpan Time)
{
    /// <summary>What holds on every execution, when it was asked for and the program is accepted.</summary>
    public VerificationFacts? Facts { get; init; }

    /// <summary>The log in the kernel's form, when it was asked for.</summary>
    public string Log { get; init; } = "";

    /// <summary>Where its instructions were spent, when it was asked for.</summary>
    public VerificationCost? Cost { get; init; }
}
