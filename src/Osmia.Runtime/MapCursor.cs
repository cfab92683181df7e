namespace Osmia.Runtime;

/// <summary>How far reading a map in batches has come. A new one begins at the first element.</summary>
/// <remarks>What the position means is the engine's matter; at least 4 bytes, else a key's size.</remarks>
public sealed class MapCursor(Map map)
{
    private const int SmallestPosition = 4;

    public byte[] Position { get; } = new byte[Math.Max(SmallestPosition, map.KeySize)];

    /// <summary>False until the first batch was read.</summary>
    public bool IsStarted { get; set; }

    /// <summary>Nothing is left to read.</summary>
    public bool IsAtEnd { get; set; }
}
