using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Commands;
using Osmia.Kernel.Inventory;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Inventory;

/// <summary>Everything that lives in the kernel, and what belongs together: read once.</summary>
[SupportedOSPlatform("linux")]
internal sealed class KernelTree
{
    private KernelTree(IReadOnlyList<ProgramInfo> programs, IReadOnlyList<MapInfo> maps, IReadOnlyList<LinkInfo> links)
    {
        Programs = programs;
        Maps = maps.ToDictionary(map => map.Id);
        Links = links.ToLookup(link => link.ProgramId);
        AllLinks = links;
    }

    public IReadOnlyList<ProgramInfo> Programs { get; }

    public IReadOnlyDictionary<uint, MapInfo> Maps { get; }

    /// <summary>By program; those of structs of callbacks have none (0).</summary>
    public ILookup<uint, LinkInfo> Links { get; }

    public IReadOnlyList<LinkInfo> AllLinks { get; }

    /// <summary>Where programs are attached without a link: cgroups, devices of this network namespace, perf events; by program.</summary>
    public required ILookup<uint, string> Places { get; init; }

    public required Holders Holders { get; init; }

    public required PinTable Pins { get; init; }

    /// <summary>Maps that no program uses.</summary>
    public IEnumerable<MapInfo> LooseMaps => Maps.Values.Where(map => !Programs.Any(program => program.MapIds.Contains(map.Id)));

    public static KernelTree Read()
    {
        List<ProgramInfo> programs = [.. KernelInventory.Programs()];
        List<LinkInfo> links = [.. KernelInventory.Links(withDetails: true)];
        HashSet<uint> linked = [.. links.Select(link => link.ProgramId)];
        return new KernelTree(programs, [.. KernelInventory.Maps()], links)
        {
            Holders = Holders.Read(),
            Pins = PinTable.Read(),
            Places = Attachments(programs, linked).ToLookup(place => place.Program, place => place.Text),
        };
    }

    private static IEnumerable<(uint Program, string Text)> Attachments(List<ProgramInfo> programs, HashSet<uint> linked)
    {
        // Looking through all cgroups is worth it only when there is something that could be there.
        if (programs.Exists(program => IsOfCgroup(program.Type) && !linked.Contains(program.Id)))
        {
            foreach ((uint program, string text) in OfCgroups(linked))
            {
                yield return (program, text);
            }
        }

        foreach (DeviceInfo device in NetworkAttachments.Devices())
        {
            foreach ((string mode, uint program) in device.Xdp.Where(xdp => !linked.Contains(xdp.ProgramId)))
            {
                yield return (program, $"xdp {device.Name} ({mode})");
            }

            foreach (TrafficProgram program in NetworkAttachments.TrafficControl(device).Where(program => !linked.Contains(program.ProgramId)))
            {
                yield return (program.ProgramId, $"{program.Kind} {device.Name}");
            }
        }

        foreach (PerfAttachment place in PerfAttachments.All().Where(place => !linked.Contains(place.ProgramId)))
        {
            yield return (place.ProgramId, $"{place.Kind.ToString().ToLowerInvariant()} {place.Name}");
        }
    }

    private static IEnumerable<(uint Program, string Text)> OfCgroups(HashSet<uint> linked)
    {
        foreach (string directory in CgroupCommand.Directories(CgroupCommand.FindMount()))
        {
            foreach (AttachType hook in ProgramAttachments.CgroupHooks)
            {
                foreach (HookedProgram program in Of(directory, hook).Where(program => !linked.Contains(program.ProgramId)))
                {
                    yield return (program.ProgramId, $"{hook.ToKernelName()} {directory}");
                }
            }
        }
    }

    private static IReadOnlyList<HookedProgram> Of(string directory, AttachType hook)
    {
        try
        {
            return ProgramAttachments.OfCgroup(directory, hook) ?? [];
        }
        catch (KernelException) when (!Directory.Exists(directory))
        {
            return []; // It was removed meanwhile.
        }
    }

    private static bool IsOfCgroup(ProgramType type) => type is ProgramType.CgroupSkb or ProgramType.CgroupSock or ProgramType.CgroupSockAddr or ProgramType.CgroupSockopt
        or ProgramType.CgroupSysctl or ProgramType.CgroupDevice or ProgramType.SockOps;
}
