using System.Runtime.InteropServices;

namespace Osmia.Kernel.Syscalls;

/// <summary>Numbers of the two calls the C library has no wrapper for; they differ by architecture (asm/unistd.h).</summary>
internal static class SyscallNumbers
{
    public static nint Bpf { get; } = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 321 : 280;

    public static nint PerfEventOpen { get; } = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 298 : 241;

    /// <summary>The other architectures .NET runs on have numbers of their own, or are big-endian.</summary>
    public static bool IsKnownArchitecture =>
        RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64;
}
