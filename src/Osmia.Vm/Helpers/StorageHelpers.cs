using Osmia.Bytecode;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>Values that belong to tasks, inodes, sockets and cgroups; who the task and the cgroup are.</summary>
internal static unsafe class StorageHelpers
{
    public static ulong CurrentTask(ExecutionSlot slot, ulong* r) => HostObject.Handle(HostObjectKind.Task, (uint)Environment.CurrentManagedThreadId);

    public static ulong CurrentCgroup(ExecutionSlot slot, ulong* r) => slot.Engine.Options.CgroupId;

    /// <summary>The process's cgroup is the only one: it is its own ancestor at level 0.</summary>
    public static ulong AncestorCgroup(ExecutionSlot slot, ulong* r) => (int)r[1] == 0 ? slot.Engine.Options.CgroupId : 0;

    public static ulong TaskGet(ExecutionSlot slot, ulong* r) => Get(slot, r, MapType.TaskStorage, HostObjectKind.Task);

    public static ulong TaskDelete(ExecutionSlot slot, ulong* r) => Delete(slot, r, MapType.TaskStorage, HostObjectKind.Task);

    public static ulong InodeGet(ExecutionSlot slot, ulong* r) => Get(slot, r, MapType.InodeStorage, HostObjectKind.Inode);

    public static ulong InodeDelete(ExecutionSlot slot, ulong* r) => Delete(slot, r, MapType.InodeStorage, HostObjectKind.Inode);

    public static ulong CgroupGet(ExecutionSlot slot, ulong* r) => Get(slot, r, MapType.CgrpStorage, HostObjectKind.Cgroup);

    public static ulong CgroupDelete(ExecutionSlot slot, ulong* r) => Delete(slot, r, MapType.CgrpStorage, HostObjectKind.Cgroup);

    public static ulong SocketGet(ExecutionSlot slot, ulong* r)
    {
        StorageMap map = MapOf(slot, MapType.SkStorage);
        return r[2] == 0 ? 0 : Value(slot, map, SocketHelpers.Argument(slot, 2), r);
    }

    public static ulong SocketDelete(ExecutionSlot slot, ulong* r)
    {
        StorageMap map = MapOf(slot, MapType.SkStorage);
        if (r[2] == 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        uint id = SocketHelpers.Argument(slot, 2);
        return (ulong)(long)map.Remove((byte*)&id);
    }

    /// <summary>bpf_get_local_storage(map, flags).</summary>
    public static ulong Local(ExecutionSlot slot, ulong* r)
    {
        CgroupStorageMap map = slot.MapArgument<CgroupStorageMap>(1, "cgroup storage");
        if (r[2] != 0)
        {
            slot.TrapArgument(2, "is not 0", "bpf_get_local_storage has no flags");
        }

        byte* value = map.Get((uint)(slot.Program.Definition.AttachType ?? AttachType.CgroupInetIngress), slot.Index);
        if (value == null)
        {
            slot.TrapArgument(1, $"is map '{map.Name}', which has no room for another cgroup's value");
        }

        slot.Remember((ulong)value, map.ValueBytes, map.IsWritableByProgram);
        return (ulong)value;
    }

    private static ulong Get(ExecutionSlot slot, ulong* r, MapType type, HostObjectKind kind)
    {
        StorageMap map = MapOf(slot, type);
        return r[2] == 0 ? 0 : Value(slot, map, ObjectArgument(slot, kind), r);
    }

    private static ulong Delete(ExecutionSlot slot, ulong* r, MapType type, HostObjectKind kind)
    {
        StorageMap map = MapOf(slot, type);
        if (r[2] == 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        uint id = ObjectArgument(slot, kind);
        return (ulong)(long)map.Remove((byte*)&id);
    }

    private static ulong Value(ExecutionSlot slot, StorageMap map, uint id, ulong* r)
    {
        byte* initial = r[3] == 0 ? null : slot.ReadableArgument(3, map.ValueBytes);
        byte* value = map.Get(id, initial, r[4]);
        if (value != null)
        {
            slot.Remember((ulong)value, map.ValueBytes, map.IsWritableByProgram);
        }

        return (ulong)value;
    }

    private static StorageMap MapOf(ExecutionSlot slot, MapType type)
    {
        StorageMap map = slot.MapArgument<StorageMap>(1, "map of values of objects");
        if (map.Type != type)
        {
            slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, not {type.ToKernelName()}");
        }

        return map;
    }

    private static uint ObjectArgument(ExecutionSlot slot, HostObjectKind kind)
    {
        if (!HostObject.TryRead(slot.State->Registers[2], out HostObjectKind actual, out uint id) || actual != kind)
        {
            slot.TrapArgument(2, $"is no {kind.ToString().ToLowerInvariant()}", "it comes from a helper or from the host, as HostObject.Handle gives it");
        }

        return id;
    }
}
