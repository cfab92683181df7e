using System.CommandLine;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia net</c>: programs on network devices of this namespace, with bpftool's words and fields.</summary>
[SupportedOSPlatform("linux")]
internal static class NetCommand
{
    private const string Kinds = "{ xdp | xdpgeneric | xdpdrv | xdpoffload | tcx_ingress | tcx_egress }";

    public static Noun Noun { get; } = new(
        "net",
        new Verb("show", "[dev DEVICE]", "List the programs on network devices", Show) { Aliases = ["list"] },
        new Verb("attach", $"{Kinds} PROG dev DEVICE [overwrite | prepend]", "Attach a program to a device, where it stays until it is detached", Attach),
        new Verb("detach", $"{Kinds} dev DEVICE [PROG]", "Detach a program from a device", Detach));

    public static Command Build() => Noun.Build();

    private static void Show(VerbCall call)
    {
        IReadOnlyList<DeviceInfo> devices = NetworkAttachments.Devices();
        if (!call.Words.IsAtEnd)
        {
            devices = [Device(call.Words, devices)];
            call.Words.End();
        }

        List<(DeviceInfo Device, TrafficProgram Program)> traffic = [.. devices.SelectMany(device => NetworkAttachments.TrafficControl(device).Select(program => (device, program)))];
        uint? dissector = ProgramAttachments.FlowDissector();
        List<LinkInfo> filters = [.. KernelInventory.Links(withDetails: true).Where(link => link.Type == LinkType.Netfilter).OrderBy(FilterOrder)];
        call.Answer(json => WriteJson(json, devices, traffic, dissector, filters), output => WriteText(output, devices, traffic, dissector, filters));
    }

    private static void Attach(VerbCall call)
    {
        (XdpAttachMode? mode, AttachType hook) = Kind(call.Words);
        using KernelProgram program = ProgramWords.Open(call.Words);
        DeviceInfo device = Device(call.Words, NetworkAttachments.Devices());
        bool overwrite = mode is not null && call.Words.Take("overwrite");
        bool prepend = mode is null && call.Words.Take("prepend");
        call.Words.End();
        if (mode is { } xdp)
        {
            NetworkAttachments.SetXdp(device, program, xdp, overwrite);
        }
        else
        {
            ProgramAttachments.AttachToDevice(program, device.Index, hook, prepend);
        }

        call.Done($"attached {program.Name} to {device.Name}");
    }

    private static void Detach(VerbCall call)
    {
        (XdpAttachMode? mode, AttachType hook) = Kind(call.Words);
        DeviceInfo device = Device(call.Words, NetworkAttachments.Devices());
        using KernelProgram? program = call.Words.IsAtEnd ? null : ProgramWords.Open(call.Words);
        call.Words.End();
        if (mode is { } xdp)
        {
            if (device.Xdp.Count == 0)
            {
                throw RunErrors.NothingAttached(device.Name, "XDP");
            }

            NetworkAttachments.SetXdp(device, null, xdp, isReplacing: true);
        }
        else
        {
            DetachTraffic(device, hook, program);
        }

        call.Done($"detached from {device.Name}");
    }

    /// <summary>Without a program the last one that no link holds, as bpftool does.</summary>
    private static void DetachTraffic(DeviceInfo device, AttachType hook, KernelProgram? program)
    {
        if (program is null && ProgramAttachments.OfDevice(device.Index, hook).Count == 0)
        {
            throw RunErrors.NothingAttached(device.Name, hook.ToKernelName());
        }

        ProgramAttachments.DetachFromDevice(program, device.Index, hook);
    }

    private static (XdpAttachMode? Mode, AttachType Hook) Kind(WordReader words) => words.Next("the kind") switch
    {
        "xdp" => (XdpAttachMode.Any, default),
        "xdpgeneric" => (XdpAttachMode.Generic, default),
        "xdpdrv" => (XdpAttachMode.Driver, default),
        "xdpoffload" => (XdpAttachMode.Offload, default),
        "tcx_ingress" => (null, AttachType.TcxIngress),
        "tcx_egress" => (null, AttachType.TcxEgress),
        var other => throw new UsageException($"{words.Verb}: '{other}' is none of {Kinds}"),
    };

    private static DeviceInfo Device(WordReader words, IReadOnlyList<DeviceInfo> devices)
    {
        words.Expect("dev");
        string name = words.Next("the device");
        return devices.FirstOrDefault(device => device.Name == name)
            ?? throw new UsageException($"{words.Verb}: this network namespace has no device '{name}'; it has {string.Join(", ", devices.Select(device => device.Name))}");
    }

    private static void WriteText(TextWriter output, IReadOnlyList<DeviceInfo> devices, List<(DeviceInfo Device, TrafficProgram Program)> traffic, uint? dissector, List<LinkInfo> filters)
    {
        var table = new TextTable("DEVICE", "WHERE", "PROG", "NAME", "LINK");
        foreach (DeviceInfo device in devices)
        {
            foreach ((string mode, uint program) in device.Xdp)
            {
                table.Add(device.Name, $"xdp {mode}", $"{program}", "", "");
            }
        }

        foreach ((DeviceInfo device, TrafficProgram program) in traffic)
        {
            table.Add(device.Name, program.Kind, $"{program.ProgramId}", program.Name, program.Hooked is { LinkId: > 0 and var link } ? $"{link}" : "");
            foreach ((string name, uint action) in program.Actions)
            {
                table.Add(device.Name, $"{program.Kind} action", $"{action}", name, "");
            }
        }

        if (dissector is { } id)
        {
            table.Add("", "flow_dissector", $"{id}", "", "");
        }

        filters.ForEach(filter => table.Add("", $"netfilter {LinkCommand.Target(filter)}", $"{filter.ProgramId}", "", $"{filter.Id}"));

        if (table.Count == 0)
        {
            output.WriteLine("no programs on network devices of this namespace");
            return;
        }

        table.Write(output, indent: "");
    }

    private static void WriteJson(Utf8JsonWriter json, IReadOnlyList<DeviceInfo> devices, List<(DeviceInfo Device, TrafficProgram Program)> traffic, uint? dissector, List<LinkInfo> filters)
    {
        json.WriteStartArray();
        json.WriteStartObject();
        json.WriteStartArray("xdp");
        foreach (DeviceInfo device in devices.Where(device => device.Xdp.Count > 0))
        {
            json.WriteStartObject();
            json.WriteString("devname", device.Name);
            json.WriteNumber("ifindex", device.Index);
            if (device.Xdp.Count > 1)
            {
                json.WriteStartArray("multi_attachments");
            }

            foreach ((string mode, uint program) in device.Xdp)
            {
                if (device.Xdp.Count > 1)
                {
                    json.WriteStartObject();
                }

                json.WriteString("mode", mode);
                json.WriteNumber("id", program);
                if (device.Xdp.Count > 1)
                {
                    json.WriteEndObject();
                }
            }

            if (device.Xdp.Count > 1)
            {
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("tc");
        traffic.ForEach(pair => WriteTraffic(json, pair.Device, pair.Program));
        json.WriteEndArray();
        json.WriteStartArray("flow_dissector");
        if (dissector is { } id)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("netfilter");
        foreach (LinkInfo filter in filters)
        {
            json.WriteStartObject();
            LinkCommand.WriteDetails(json, filter.Details);
            json.WriteNumber("id", filter.ProgramId);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void WriteTraffic(Utf8JsonWriter json, DeviceInfo device, TrafficProgram program)
    {
        json.WriteStartObject();
        json.WriteString("devname", device.Name);
        json.WriteNumber("ifindex", device.Index);
        json.WriteString("kind", program.Kind);
        if (program.Name.Length > 0)
        {
            json.WriteString("name", program.Name);
        }

        if (program.Hooked is { } hooked)
        {
            json.WriteNumber("prog_id", program.ProgramId);
            WriteFlags(json, "prog_flags", hooked.Flags);
            json.WriteNumber("link_id", hooked.LinkId);
            WriteFlags(json, "link_flags", hooked.LinkFlags);
        }
        else
        {
            json.WriteNumber("id", program.ProgramId);
        }

        if (program.Actions.Count > 0)
        {
            json.WriteStartArray("act");
            foreach ((string name, uint action) in program.Actions)
            {
                json.WriteStartObject();
                json.WriteString("name", name);
                json.WriteNumber("id", action);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteFlags(Utf8JsonWriter json, string name, uint flags)
    {
        json.WriteStartArray(name);
        for (int bit = 0; bit < 32; bit++)
        {
            if ((flags >> bit & 1) != 0)
            {
                json.WriteNumberValue(1u << bit);
            }
        }

        json.WriteEndArray();
    }

    private static (ulong, ulong, long) FilterOrder(LinkInfo link) => (Detail<ulong>(link, "pf"), Detail<ulong>(link, "hook"), Detail<long>(link, "prio"));

    private static T Detail<T>(LinkInfo link, string name)
        where T : struct => link.Details.FirstOrDefault(detail => detail.Name == name).Value is T value ? value : default;
}
