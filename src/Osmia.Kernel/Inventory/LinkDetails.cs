using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Osmia.Bytecode;
using Osmia.Kernel.Symbols;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Inventory;

/// <summary>One fact about a link, by the name bpftool gives it: a <see cref="string"/>, <see cref="ulong"/>, <see cref="long"/> or <see cref="bool"/>, or a list of lists of such facts.</summary>
public readonly record struct LinkDetail(string Name, object Value);

/// <summary>What the kernel tells of a link beside its program: the part of <c>struct bpf_link_info</c> that depends on the type, one method a type.</summary>
internal sealed unsafe class LinkDetails
{
    private const int InfoSize = 64;
    private const int NameSize = 256;
    private const int MostFunctions = 65536;

    // enum bpf_perf_event_type
    private const uint PerfUprobe = 1;
    private const uint PerfUretprobe = 2;
    private const uint PerfKprobe = 3;
    private const uint PerfKretprobe = 4;
    private const uint PerfTracepoint = 5;
    private const uint PerfEventKind = 6;

    private static readonly string[] s_cgroupOrders = ["order_unspec", "self_only", "descendants_pre", "descendants_post", "ancestors_up"];
    private static readonly string[] s_eventTypes = ["hardware", "software", "tracepoint", "hw-cache", "raw", "breakpoint"];
    private static readonly string[] s_softwareEvents =
        ["cpu-clock", "task-clock", "page-faults", "context-switches", "cpu-migrations", "minor-faults", "major-faults", "alignment-faults", "emulation-faults", "dummy", "bpf-output", "cgroup-switches"];

    private static readonly string[] s_hardwareEvents =
        ["cpu-cycles", "instructions", "cache-references", "cache-misses", "branch-instructions", "branch-misses", "bus-cycles", "stalled-cycles-frontend", "stalled-cycles-backend", "ref-cycles"];

    private readonly BpfHandle _link;
    private readonly byte[] _info = new byte[InfoSize];
    private readonly List<LinkDetail> _details = [];

    private LinkDetails(BpfHandle link) => _link = link;

    /// <param name="program">Type of the link's program: bpftool names it for tracing links.</param>
    public static IReadOnlyList<LinkDetail> Read(BpfHandle link, LinkType type, Func<ProgramType?> program)
    {
        var details = new LinkDetails(link);
        details.Fill();
        details.Describe(type, program);
        return details._details;
    }

    private void Describe(LinkType type, Func<ProgramType?> program)
    {
        switch (type)
        {
            case LinkType.RawTracepoint:
                Add("tp_name", Name(16, 24));
                Add("cookie", Long(32));
                break;
            case LinkType.Tracing:
                Add("prog_type", program() is { } known ? known.ToKernelName() : "unknown");
                AddAttachType(16);
                Add("target_obj_id", (ulong)Int(20));
                Add("target_btf_id", (ulong)Int(24));
                Add("cookie", Long(32));
                break;
            case LinkType.Cgroup:
                Add("cgroup_id", Long(16));
                AddAttachType(24);
                break;
            case LinkType.Iter:
                DescribeIterator();
                break;
            case LinkType.Netns:
                Add("netns_ino", (ulong)Int(16));
                AddAttachType(20);
                break;
            case LinkType.Netfilter:
                Add("pf", (ulong)Int(16));
                Add("hook", (ulong)Int(20));
                Add("prio", (long)(int)Int(24));
                Add("flags", (ulong)Int(28));
                break;
            case LinkType.Xdp:
                AddDevice();
                break;
            case LinkType.Tcx or LinkType.Netkit:
                AddDevice();
                AddAttachType(20);
                break;
            case LinkType.Sockmap:
                Add("map_id", (ulong)Int(16));
                AddAttachType(20);
                break;
            case LinkType.StructOps:
                Add("map_id", (ulong)Int(16));
                break;
            case LinkType.PerfEvent:
                DescribePerfEvent();
                break;
            case LinkType.KprobeMulti:
                DescribeKprobes();
                break;
            case LinkType.UprobeMulti:
                DescribeUprobes();
                break;
        }
    }

    private void DescribeIterator()
    {
        string name = Name(16, 24);
        Add("target_name", name);
        if (name is "bpf_map_elem" or "bpf_sk_storage_map" or "sockmap")
        {
            Add("map_id", (ulong)Int(32));
        }
        else if (name is "task" or "task_file" or "task_vma")
        {
            AddUnlessZero("tid", Int(32));
            AddUnlessZero("pid", Int(36));
        }
        else if (name == "cgroup")
        {
            Add("cgroup_id", Long(32));
            Add("order", Of(s_cgroupOrders, Int(40)) ?? "unknown");
        }
    }

    private void DescribePerfEvent()
    {
        uint kind = Int(16);
        switch (kind)
        {
            case PerfKprobe or PerfKretprobe:
                string function = Name(24, 32);
                Add("retprobe", kind == PerfKretprobe);
                Add("addr", Long(40));
                Add("func", function);
                Add("offset", (ulong)Int(36));
                Add("missed", Long(48));
                Add("cookie", Long(56));
                break;
            case PerfUprobe or PerfUretprobe:
                string file = Name(24, 32);
                Add("retprobe", kind == PerfUretprobe);
                Add("file", file);
                Add("offset", (ulong)Int(36));
                Add("cookie", Long(40));
                Add("ref_ctr_offset", Long(48));
                break;
            case PerfTracepoint:
                Add("tracepoint", Name(24, 32));
                Add("cookie", Long(40));
                break;
            case PerfEventKind:
                uint type = Int(32);
                ulong config = Long(24);
                AddWord("event_type", s_eventTypes, type);
                AddWord("event_config", type == 0 ? s_hardwareEvents : type == 1 ? s_softwareEvents : [], config);
                Add("cookie", Long(40));
                break;
        }
    }

    private void DescribeKprobes()
    {
        int count = (int)Math.Min(Int(24), MostFunctions);
        bool isReturn = (Int(28) & 1) != 0;
        ulong[] addresses = new ulong[count];
        ulong[] cookies = new ulong[count];
        fixed (ulong* first = addresses, second = cookies)
        {
            Array.Clear(_info);
            Set(16, (ulong)first);
            BinaryPrimitives.WriteUInt32LittleEndian(_info.AsSpan(24), (uint)count);
            Set(40, (ulong)second);
            Fill();
        }

        Add("retprobe", isReturn);
        Add("func_cnt", (ulong)count);
        Add("missed", Long(32));
        var symbols = new KernelSymbols();
        Add("funcs", Enumerable.Range(0, count).OrderBy(i => addresses[i]).Select(i => (IReadOnlyList<LinkDetail>)
        [
            new("addr", addresses[i]), new("func", symbols.Find(addresses[i])?.Name ?? ""), new("cookie", cookies[i]),
        ]).ToArray());
    }

    private void DescribeUprobes()
    {
        int count = (int)Math.Min(Int(52), MostFunctions);
        bool isReturn = (Int(56) & 1) != 0;
        ulong[] offsets = new ulong[count];
        ulong[] counters = new ulong[count];
        ulong[] cookies = new ulong[count];
        byte[] path = new byte[4096];
        fixed (ulong* first = offsets, second = counters, third = cookies)
        fixed (byte* name = path)
        {
            Array.Clear(_info);
            Set(16, (ulong)name);
            Set(24, (ulong)first);
            Set(32, (ulong)second);
            Set(40, (ulong)third);
            BinaryPrimitives.WriteUInt32LittleEndian(_info.AsSpan(48), (uint)path.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(_info.AsSpan(52), (uint)count);
            Fill();
        }

        Add("retprobe", isReturn);
        Add("path", Text(path));
        Add("func_cnt", (ulong)count);
        Add("pid", (long)(int)Int(60));
        Add("funcs", Enumerable.Range(0, count).Select(i => (IReadOnlyList<LinkDetail>)[new("offset", offsets[i]), new("ref_ctr_offset", counters[i]), new("cookie", cookies[i])]).ToArray());
    }

    private void AddDevice()
    {
        uint index = Int(16);
        Span<byte> name = stackalloc byte[16];
        name.Clear();
        fixed (byte* buffer = name)
        {
            string? device = index == 0 ? "(detached)" : Libc.InterfaceName(index, buffer) != 0 ? Text(name) : null;
            Add("devname", device ?? "(unknown)");
        }

        Add("ifindex", (ulong)index);
    }

    private void AddAttachType(int offset)
    {
        var type = (AttachType)Int(offset);
        Add("attach_type", type.ToKernelName() is { Length: > 0 } name ? name : (ulong)type);
    }

    /// <summary>A number that has a name, or the number.</summary>
    private void AddWord(string name, string[] words, ulong value) => Add(name, Of(words, value) is { } word ? word : value);

    private void AddUnlessZero(string name, uint value)
    {
        if (value != 0)
        {
            Add(name, (ulong)value);
        }
    }

    private void Add(string name, object value) => _details.Add(new(name, value));

    private static string? Of(string[] words, ulong index) => index < (ulong)words.Length ? words[index] : null;

    /// <summary>Asks once more with room for a name; the offsets are those of its address and its length.</summary>
    private string Name(int address, int length)
    {
        byte[] text = new byte[NameSize];
        fixed (byte* buffer = text)
        {
            Array.Clear(_info);
            Set(address, (ulong)buffer);
            BinaryPrimitives.WriteUInt32LittleEndian(_info.AsSpan(length), NameSize);
            Fill();
        }

        return Text(text);
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private void Set(int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(_info.AsSpan(offset), value);

    private uint Int(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_info.AsSpan(offset));

    private ulong Long(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_info.AsSpan(offset));

    private void Fill()
    {
        ref LinkInfoData info = ref MemoryMarshal.AsRef<LinkInfoData>(_info.AsSpan());
        KernelInventory.Fill(_link, ref info);
    }
}
