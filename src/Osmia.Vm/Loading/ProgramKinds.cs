using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Loading;

internal static class ProgramKinds
{
    /// <exception cref="UnsupportedFeatureException">The type has no meaning in a process.</exception>
    public static ProgramKind Of(LinkedProgram program, HookType? hook, bool treatAsMemoryPrograms) => program.Type switch
    {
        _ when hook is not null => ProgramKind.Hook,
        ProgramType.Xdp => ProgramKind.Xdp,
        ProgramType.SchedCls or ProgramType.SchedAct => ProgramKind.TrafficControl,
        ProgramType.SocketFilter => ProgramKind.SocketFilter,
        ProgramType.CgroupSkb => ProgramKind.CgroupSkb,
        ProgramType.FlowDissector => ProgramKind.FlowDissector,
        ProgramType.SkLookup => ProgramKind.SocketLookup,
        ProgramType.Unspec or ProgramType.Syscall => ProgramKind.Memory,
        _ when treatAsMemoryPrograms => ProgramKind.Memory,
        _ => throw new UnsupportedFeatureException(
            new Diagnostic(DiagnosticIds.MissingProgramType, $"programs of type {program.Type.ToKernelName()} do not run in the VM")
            {
                Where = $"program '{program.Name}' (section {program.Section.Name})",
                Why = "its events and context come from a running kernel; the VM runs xdp, sched_cls, sched_act, socket_filter, cgroup_skb, flow_dissector and sk_lookup programs over packets",
                Try = "run it in the kernel engine, leave the program out, or load it as a memory program (VmOptions.TreatAsMemoryPrograms)",
            }, program.Type.ToKernelName(), VmEngine.EngineName),
    };
}
