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

/// <summary>The kernel's families of checks; the number is that of the diagnostic (<c>OSM3001</c>, ...).</summary>
public enum CheckFamily
{
    None = 0,
    Encoding = 3001,
    ControlFlow = 3002,
    Uninitialised = 3003,
    Dereference = 3004,
    MemoryBounds = 3005,
    PointerArithmetic = 3006,
    ContextAccess = 3007,
    StackUse = 3008,
    CallArgument = 3009,
    Allowance = 3010,
    References = 3011,
    ReturnValue = 3012,
    Limits = 3013,
    NotModelled = 3099,
}

/// <summary>Why a program was not accepted.</summary>
/// <param name="Slot">The instruction, in the kernel's numbering.</param>
public sealed record VerificationProblem(CheckFamily Family, string Message, int Slot)
{
    public string Id => $"OSM{(int)Family}";
}

/// <summary>The answer of the verifier for one program.</summary>
/// <param name="InstructionsProcessed">Instructions walked, on all paths together; the kernel stops at a million.</param>
/// <param name="TotalStates">States kept for comparison.</param>
/// <param name="PeakStates">States kept at one time.</param>
/// <param name="StackDepth">Bytes of stack of the deepest chain of calls.</param>
public sealed record VerificationReport(Verdict Verdict, VerificationProblem? Problem, int InstructionsProcessed, int TotalStates, int PeakStates, int StackDepth, TimeSpan Time);
