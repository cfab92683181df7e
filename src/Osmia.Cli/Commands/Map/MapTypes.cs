using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands.Maps;

/// <summary>The types of a map's keys and values, read from the kernel once.</summary>
[SupportedOSPlatform("linux")]
internal static class MapTypes
{
    /// <summary>Null for a map without types. The value of a struct_ops map is the kernel's own.</summary>
    public static BtfTypes? Of(MapInfo map) => map.BtfId == 0 ? null : BtfTypes.Parse(KernelInventory.BtfBytes(map.BtfId));
}
