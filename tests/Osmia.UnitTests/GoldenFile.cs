namespace Osmia.Tests;

/// <summary>Text a test compares with; OSMIA_UPDATE_GOLDEN=1 writes what came out instead, for a person to read in the diff.</summary>
internal static class GoldenFile
{
    public static void Check(string actual, params ReadOnlySpan<string> path)
    {
        string file = RepositoryFiles.PathOf(["tests", "Osmia.UnitTests", .. path]);
        if (Environment.GetEnvironmentVariable("OSMIA_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(file, actual);
        }

        Assert.Equal(File.ReadAllText(file), actual);
    }
}
