namespace Osmia.Vm;

/// <summary>How a run is kept from doing harm.</summary>
public enum VmMode
{
    /// <summary>Every access is checked against the program's memory; a run lasts as long as it lasts.</summary>
    Checked,

    /// <summary>As <see cref="Checked"/>, and a run ends at its budget of instructions or time, or when it is cancelled.</summary>
    Metered,
}

/// <summary>What runs a program.</summary>
public enum VmTier
{
    /// <summary>The interpreter at first; programs that run often are compiled in the background.</summary>
    Auto,

    /// <summary>The interpreter, always.</summary>
    Interpreter,

    /// <summary>
    /// .NET code, compiled when the program is loaded. What cannot be compiled runs in the interpreter; <see cref="VmProgram.TierReason"/>
    /// says why.
    /// </summary>
    Il,
}
