using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>
/// A program attached in the kernel: the descriptors that hold it there, closed in their order. The kernel detaches when the
/// last one goes, so a process that dies detaches too.
/// </summary>
public class KernelLink : Link
{
    private readonly BpfHandle[] _handles;

    internal KernelLink(KernelProgram program, AttachTarget target, params BpfHandle[] handles)
        : base(program, target) => _handles = handles;

    /// <summary>bpf_links, perf events or a socket, by attach kind.</summary>
    public IReadOnlyList<BpfHandle> Handles => _handles;

    /// <summary>Words the refusal of an attach. A missing target is OSM5031 to OSM5033, the kernel's own "no" is OSM5034.</summary>
    internal static KernelException Refused(KernelProgram program, AttachTarget target, string call, int result, string? why = null, string? remedy = null,
        string id = "OSM5034", params ReadOnlySpan<Capability> needed) =>
        Refusal.Of(id, $"program '{program.Name}' cannot be attached to {target.Describe()}", call, result,
            $"program '{program.Name}' (SEC(\"{program.Definition.Section.Name}\"))", why, remedy, needed);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (BpfHandle handle in _handles)
            {
                if (!handle.MayLinger || !LateClosing.Take(handle))
                {
                    handle.Dispose();
                }
            }
        }
    }
}
