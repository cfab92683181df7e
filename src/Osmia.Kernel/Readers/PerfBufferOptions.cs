namespace Osmia.Kernel.Readers;

/// <summary>How a perf buffer is laid out and read.</summary>
/// <param name="PagesPerCpu">Memory pages of each CPU's ring: a power of two.</param>
/// <param name="WakeupEvents">Records after which a waiting reader is woken; more mean fewer wake-ups and later records.</param>
/// <param name="IsOverwritable">
/// A full ring forgets its oldest records instead of refusing new ones; reading hands over what is there, newest first within a CPU, and again the next time
/// unless it was overwritten: a flight recorder. Such a ring never wakes a reader, and loses without a count.
/// </param>
public sealed record PerfBufferOptions(int PagesPerCpu = 64, int WakeupEvents = 1, bool IsOverwritable = false);
