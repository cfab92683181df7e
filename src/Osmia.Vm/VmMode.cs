namespace Osmia.Vm;

/// <summary>How a run is kept from doing harm.</summary>
public enum VmMode
{
    /// <summary>Every access is checked against the program's memory; a run lasts as long as it lasts.</summary>
    Checked,

    /// <summary>As <see cref="Checked"/>, and a run ends at its budget of instructions or time, or when it is cancelled.</summary>
    Metered,

    /// <summary>
    /// Accesses that the verifier proved are made without a check. A program is verified, not an engine: <see cref="VmEngine.LoadVerified"/> takes
    /// what the verifier accepted.
    /// </summary>
    Verified,
}

/// <summary>What runs a program.</summary>
public enum VmTier
{
    /// <summary>
    /// The interpreter at first; programs are compiled in the background, to machine code after a few runs and to .NET code when they run often. Programs
    /// that are too large for the runtime's compiler stay machine code, and where the build has no dynamic code all do. On machines for which no
    /// machine code is written, .NET code comes at once.
    /// </summary>
    Auto,

    /// <summary>The interpreter, always.</summary>
    Interpreter,

    /// <summary>
    /// .NET code, compiled when the program is loaded. What cannot be compiled runs in the interpreter; <see cref="VmProgram.TierReason"/>
    /// says why.
    /// </summary>
    Il,

    /// <summary>
    /// Machine code of x86-64, compiled when the program is loaded: needs no dynamic code in the build and takes a fraction of the time to
    /// compile. On other machines, and on Windows, the interpreter runs instead.
    /// </summary>
    X64,
}
