using Osmia.Btf;

namespace Osmia.Tests.Btf;

internal static class BtfSamples
{
    private static readonly Lazy<byte[]> s_kinds = new(() => File.ReadAllBytes(KindsPath));

    /// <summary>Every kind, from kinds.c.</summary>
    public static string KindsPath => RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Btf", "kinds.btf");

    public static byte[] KindsBytes => s_kinds.Value;

    public static BtfTypes Kinds => BtfTypes.Parse(KindsBytes);
}
