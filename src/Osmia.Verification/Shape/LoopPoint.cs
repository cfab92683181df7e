namespace Osmia.Verification.Shape;

/// <summary>Instructions at which loops end by walking them until another round shows nothing new, not until their counter says so.</summary>
internal enum LoopPoint : byte
{
    None,

    /// <summary>A call that yields an iterator's next element.</summary>
    Iterator,

    /// <summary>A helper that calls a function of the program any number of times before it returns.</summary>
    Callback,
    MayGoto,
}
