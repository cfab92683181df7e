using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Classic;

namespace Osmia.Vm.Hooks;

/// <summary><c>struct seccomp_data</c>: what a seccomp filter judges.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SeccompData
{
    /// <summary>The system call's number.</summary>
    public int Number { get; set; }

    /// <summary>AUDIT_ARCH_*.</summary>
    public uint Architecture { get; set; }

    public ulong InstructionPointer { get; set; }

    public SeccompArguments Arguments { get; set; }
}

/// <summary>The six arguments of a system call.</summary>
[InlineArray(6)]
public struct SeccompArguments
{
    private ulong _first;
}

/// <summary>Seccomp filters translated to eBPF (<see cref="ClassicObject"/>) run in the VM as programs of this type, which every engine has.</summary>
public static class SeccompHook
{
    public static HookType<SeccompData> Type { get; } = new(ClassicObject.SeccompSection) { HelpersOf = null };
}
