namespace Osmia.Verification.State;

/// <summary>A lock that is held: which kind, and of which value or object.</summary>
/// <param name="Id">The id of the pointer the lock was taken through; 0 for a value that is the map's only one.</param>
/// <param name="Owner">The map's index, or the complement of the type of an object the program allocated.</param>
internal readonly record struct HeldLock(SpecialKind Kind, int Id, int Owner);
