namespace Osmia.Verification.Walk;

/// <summary>How far the walks of one program have come, that of the program and those of its global functions together.</summary>
internal sealed class WalkProgress
{
    /// <summary>Instructions walked.</summary>
    public int Instructions { get; set; }

    /// <summary>Jumps, calls and exits among them.</summary>
    public int Jumps { get; set; }

    /// <summary>What these were when a state was kept last.</summary>
    public int InstructionsWhenKept { get; set; }

    public int JumpsWhenKept { get; set; }
}
