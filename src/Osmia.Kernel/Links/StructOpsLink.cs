using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>
/// Callbacks handed to the kernel: the value of a struct_ops map with the descriptors of its programs. A map of <c>.struct_ops.link</c> is registered by
/// a bpf_link (Linux 6.4) and goes with it; one of <c>.struct_ops</c> is registered by writing its value, and goes when that is deleted.
/// </summary>
internal static class StructOpsLink
{
    public static KernelLink Attach(KernelProgram program, StructOpsTarget target)
    {
        KernelMap map = program.StructOps.FirstOrDefault(candidate => candidate.Name == target.Map)
            ?? throw Refusal.Unsupported("OSM5030", $"program '{program.Name}' does not stand in {target.Describe()}", $"struct_ops '{target.Map}'",
                program.StructOps.Count > 0 ? $"it stands in {string.Join(", ", program.StructOps.Select(candidate => candidate.Name))}" : "it stands in no struct of callbacks that was loaded",
                null, $"program '{program.Name}' (SEC(\"{program.Definition.Section.Name}\"))");
        byte[] value = map.StructValue.ToArray();
        bool hasLink = ((MapCreateFlags)map.Definition.Flags).HasFlag(MapCreateFlags.Link);
        int result = BpfSyscall.MapOperation(BpfCommand.MapUpdate, map.Handle.Descriptor, stackalloc byte[4], value, 0);

        // The value of a map that a link used before stands already, and never changes.
        if (result < 0 && !(hasLink && result == -Errno.EBUSY))
        {
            throw Refused(program, target, "bpf(BPF_MAP_UPDATE_ELEM)", result);
        }

        if (!hasLink)
        {
            return new Registration(program, target, map);
        }

        int link = BpfSyscall.LinkCreate(map.Handle.Descriptor, 0, (uint)AttachType.StructOps, 0);
        return link >= 0 ? new KernelLink(program, target, new BpfHandle(link)) : throw Refused(program, target, "bpf(BPF_LINK_CREATE)", link);
    }

    /// <summary>The value with the descriptors of its programs written in.</summary>
    public static byte[] ValueOf(LinkedMap map, IReadOnlyList<KernelProgram> programs)
    {
        byte[] value = map.InitialData.ToArray();
        foreach (FunctionSlot slot in map.Functions)
        {
            KernelProgram program = programs.First(candidate => candidate.Name == slot.Program);
            BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(slot.Offset), program.Handle.Descriptor);
        }

        return value;
    }

    private static Objects.Diagnostics.KernelException Refused(KernelProgram program, StructOpsTarget target, string call, int result)
    {
        (string? why, string? remedy) = -result switch
        {
            Errno.EEXIST => ("callbacks of that name are registered already", "give them another name, or detach the others"),
            Errno.EINVAL => ("the kernel's own check of the callbacks refused them: a member that must be set is not, or one has a value it may not have", "compare the struct with the kernel's documentation of it"),
            Errno.EBUSY => ("the callbacks were registered before, and are still in use", "wait until nobody uses them, or load the object again"),
            _ => ((string?)null, (string?)null),
        };
        return KernelLink.Refused(program, target, call, result, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }

    private sealed class Registration(KernelProgram program, AttachTarget target, KernelMap map) : KernelLink(program, target)
    {
        private int _isDetached;

        protected override void Dispose(bool disposing)
        {
            if (disposing && Interlocked.Exchange(ref _isDetached, 1) == 0)
            {
                map.Delete(stackalloc byte[4]);
            }

            base.Dispose(disposing);
        }
    }
}
