using System.Collections.Immutable;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Programs;

/// <summary>
/// Descriptors of the types of modules that an object's programs name, in the order of <see cref="Objects.Linking.LinkedObject.Modules"/>.
/// They are needed while programs are loaded; the programs then hold the modules themselves.
/// </summary>
internal sealed class ModuleTypes : IDisposable
{
    private readonly List<BpfHandle> _handles = [];

    /// <summary>As BPF_PROG_LOAD takes them in <c>fd_array</c>: element 0 stands for the kernel and is unused.</summary>
    public int[] Descriptors { get; private set; } = [];

    /// <exception cref="KernelException">OSM5050: a module is not loaded any more.</exception>
    public static ModuleTypes Open(ImmutableArray<string> names)
    {
        var modules = new ModuleTypes();
        try
        {
            if (!names.IsEmpty)
            {
                List<BtfInfo> known = [.. KernelInventory.Btfs().Where(types => types.IsKernel)];
                foreach (string name in names)
                {
                    uint id = known.Find(types => types.Name == name)?.Id ?? 0;
                    int result = id == 0 ? -Errno.ENOENT : BpfSyscall.FromId(BpfCommand.BtfFromId, id);
                    if (result < 0)
                    {
                        throw Refusal.Of("OSM5050", $"the types of kernel module '{name}' cannot be opened", "bpf(BPF_BTF_GET_FD_BY_ID)", result,
                            why: "the object uses functions or types of the module; it was there when the object was linked",
                            remedy: $"load the module (modprobe {name}) and link the object again");
                    }

                    modules._handles.Add(new BpfHandle(result));
                }

                modules.Descriptors = [0, .. modules._handles.Select(handle => handle.Descriptor)];
            }

            return modules;
        }
        catch
        {
            modules.Dispose();
            throw;
        }
    }

    public void Dispose() => _handles.ForEach(handle => handle.Dispose());
}
