namespace Osmia.Runtime;

/// <summary>What a load does when a map of that name is pinned with another shape: type, sizes, entries or flags.</summary>
public enum PinPolicy
{
    /// <summary>The load fails and says both shapes.</summary>
    Fail,

    /// <summary>A new map takes the name; the old one lives on where it is still used, and its elements are not taken over.</summary>
    Recreate,

    /// <summary>A new map takes the name with the elements of the old one: key and value must have kept their sizes.</summary>
    Migrate,
}
