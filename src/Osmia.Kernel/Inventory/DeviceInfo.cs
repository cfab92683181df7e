namespace Osmia.Kernel.Inventory;

/// <summary>A network device of this thread's namespace, and its XDP programs with the mode of each: <c>driver</c>, <c>generic</c> or <c>offload</c>.</summary>
public sealed record DeviceInfo(int Index, string Name)
{
    public IReadOnlyList<(string Mode, uint ProgramId)> Xdp { get; init; } = [];
}

/// <summary>A program at traffic control: a filter or action of a queueing discipline (<paramref name="Kind"/> <c>clsact/ingress</c>), or of TCX and netkit.</summary>
public sealed record TrafficProgram(string Kind, string Name, uint ProgramId)
{
    /// <summary>Actions of the filter, by name and program.</summary>
    public IReadOnlyList<(string Name, uint ProgramId)> Actions { get; init; } = [];

    /// <summary>Set for TCX and netkit, whose programs stand in the kernel's own list.</summary>
    public HookedProgram? Hooked { get; init; }
}

/// <summary>Where in a device an XDP program runs.</summary>
public enum XdpAttachMode : uint
{
    /// <summary>The driver where it can, else generic.</summary>
    Any = 0,
    Generic = 2,
    Driver = 4,
    Offload = 8,
}
