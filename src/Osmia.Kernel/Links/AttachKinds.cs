using Osmia.Bytecode;

namespace Osmia.Kernel.Links;

/// <summary>A way of attaching, for people: what takes it, since when, and which ways are tried in turn.</summary>
/// <param name="Fallback">Empty where there is one way only.</param>
public sealed record AttachKindInfo(string Name, IReadOnlyList<ProgramType> Programs, string FirstKernel, string Fallback);

/// <summary>The attach kinds of the kernel engine.</summary>
public static class AttachKinds
{
    public static IReadOnlyList<AttachKindInfo> All { get; } = [.. AttachTable.Rows.Select(row => new AttachKindInfo(row.Name, row.Fits, row.FirstKernel, row.Fallback))];
}
