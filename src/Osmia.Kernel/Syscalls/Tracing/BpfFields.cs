using System.Runtime.InteropServices;

namespace Osmia.Kernel.Syscalls.Tracing;

/// <summary>How a member of <c>union bpf_attr</c> is printed.</summary>
internal enum FieldForm
{
    Number,
    Long,
    Hex,
    Pointer,
    Descriptor,
    Name,

    /// <summary>The address of a text that ends with a zero byte.</summary>
    Text,
    MapType,
    ProgramType,
    AttachType,
    MapFlags,
    XdpFlags,
    KernelVersion,
}

/// <param name="IsKey">Printed even when it is zero.</param>
internal readonly record struct BpfField(string Name, int Offset, FieldForm Form = FieldForm.Number, bool IsKey = false);

/// <summary>The members that each command reads and writes, under the kernel's names (include/uapi/linux/bpf.h).</summary>
internal static class BpfFields
{
    private static readonly BpfField[] s_element = [new("map_fd", 0, FieldForm.Descriptor, true), new("key", 8, FieldForm.Pointer), new("value", 16, FieldForm.Pointer, true), new("flags", 24, FieldForm.Hex)];

    private static readonly BpfField[] s_batch =
    [
        new("in_batch", 0, FieldForm.Pointer), new("out_batch", 8, FieldForm.Pointer), new("keys", 16, FieldForm.Pointer), new("values", 24, FieldForm.Pointer), new("count", 32, FieldForm.Number, true),
        new("map_fd", 36, FieldForm.Descriptor, true), new("elem_flags", 40, FieldForm.Hex), new("flags", 48, FieldForm.Hex),
    ];

    private static readonly BpfField[] s_path = [new("pathname", 0, FieldForm.Text, true), new("bpf_fd", 8, FieldForm.Descriptor, true), new("file_flags", 12, FieldForm.Hex), new("path_fd", 16, FieldForm.Descriptor)];

    private static readonly BpfField[] s_nextId = [new("start_id", 0, FieldForm.Number, true), new("next_id", 4, FieldForm.Number, true), new("open_flags", 8, FieldForm.Hex)];

    private static readonly BpfField[] s_attach =
    [
        new("target_fd", 0, FieldForm.Descriptor, true), new("attach_bpf_fd", 4, FieldForm.Descriptor, true), new("attach_type", 8, FieldForm.AttachType, true),
        new("attach_flags", 12, FieldForm.Hex), new("replace_bpf_fd", 16, FieldForm.Descriptor), new("relative_fd", 20), new("expected_revision", 24, FieldForm.Long),
    ];

    private static readonly BpfField[] s_query =
    [
        new("target_fd", 0, FieldForm.Descriptor, true), new("attach_type", 4, FieldForm.AttachType, true), new("query_flags", 8, FieldForm.Hex), new("attach_flags", 12, FieldForm.Hex),
        new("prog_ids", 16, FieldForm.Pointer), new("prog_cnt", 24, FieldForm.Number, true),
    ];

    private static readonly BpfField[] s_link =
    [
        new("prog_fd", 0, FieldForm.Descriptor, true), new("target_fd", 4, FieldForm.Descriptor, true), new("attach_type", 8, FieldForm.AttachType, true), new("flags", 12, FieldForm.Hex),
    ];

    /// <summary>With the members that mean something else for what the call is about.</summary>
    public static BpfField[] Of(BpfCommand command, ReadOnlySpan<byte> attributes)
    {
        // The same four bytes are a descriptor for most hooks and the number of a device for some.
        int hookAt = command switch { BpfCommand.ProgramQuery => 4, BpfCommand.LinkCreate or BpfCommand.ProgramAttach or BpfCommand.ProgramDetach => 8, _ => -1 };
        if (hookAt >= 0 && (Bytecode.AttachType)MemoryMarshal.Read<uint>(attributes[hookAt..]) is var hook && IsOfDevice(hook))
        {
            return Array.ConvertAll(Of(command), field => field.Name switch
            {
                "target_fd" => field with { Name = "target_ifindex", Form = FieldForm.Number },
                "flags" when hook == Bytecode.AttachType.Xdp => field with { Form = FieldForm.XdpFlags },
                _ => field,
            });
        }

        // Zero is the first attach type there is; programs that have none leave it so.
        return command == BpfCommand.ProgramLoad && (Bytecode.ProgramType)MemoryMarshal.Read<uint>(attributes) != Bytecode.ProgramType.CgroupSkb
            ? Array.ConvertAll(Of(command), field => field.Form == FieldForm.AttachType ? field with { IsKey = false } : field)
            : Of(command);
    }

    private static bool IsOfDevice(Bytecode.AttachType hook) =>
        hook is Bytecode.AttachType.Xdp or Bytecode.AttachType.TcxIngress or Bytecode.AttachType.TcxEgress or Bytecode.AttachType.NetkitPrimary or Bytecode.AttachType.NetkitPeer;

    private static BpfField[] Of(BpfCommand command) => command switch
    {
        BpfCommand.MapCreate =>
        [
            new("map_type", 0, FieldForm.MapType, true), new("key_size", 4, FieldForm.Number, true), new("value_size", 8, FieldForm.Number, true), new("max_entries", 12, FieldForm.Number, true),
            new("map_flags", 16, FieldForm.MapFlags), new("inner_map_fd", 20, FieldForm.Descriptor), new("numa_node", 24), new("map_name", 28, FieldForm.Name), new("map_ifindex", 44),
            new("btf_fd", 48, FieldForm.Descriptor), new("btf_key_type_id", 52), new("btf_value_type_id", 56), new("btf_vmlinux_value_type_id", 60), new("map_extra", 64, FieldForm.Hex),
            new("value_type_btf_obj_fd", 72, FieldForm.Descriptor), new("map_token_fd", 76, FieldForm.Descriptor), new("excl_prog_hash", 80, FieldForm.Pointer),
            new("excl_prog_hash_size", 88),
        ],
        BpfCommand.MapLookup or BpfCommand.MapUpdate or BpfCommand.MapDelete or BpfCommand.MapLookupAndDelete => s_element,
        BpfCommand.MapNextKey => [new("map_fd", 0, FieldForm.Descriptor, true), new("key", 8, FieldForm.Pointer, true), new("next_key", 16, FieldForm.Pointer, true)],
        BpfCommand.MapFreeze => [new("map_fd", 0, FieldForm.Descriptor, true)],
        BpfCommand.MapLookupBatch or BpfCommand.MapLookupAndDeleteBatch or BpfCommand.MapUpdateBatch or BpfCommand.MapDeleteBatch => s_batch,
        BpfCommand.ProgramLoad =>
        [
            new("prog_type", 0, FieldForm.ProgramType, true), new("insn_cnt", 4, FieldForm.Number, true), new("insns", 8, FieldForm.Pointer, true), new("license", 16, FieldForm.Text, true),
            new("log_level", 24), new("log_size", 28), new("log_buf", 32, FieldForm.Pointer), new("kern_version", 40, FieldForm.KernelVersion), new("prog_flags", 44, FieldForm.Hex),
            new("prog_name", 48, FieldForm.Name), new("prog_ifindex", 64), new("expected_attach_type", 68, FieldForm.AttachType, true), new("prog_btf_fd", 72, FieldForm.Descriptor),
            new("func_info_rec_size", 76), new("func_info", 80, FieldForm.Pointer), new("func_info_cnt", 88), new("line_info_rec_size", 92), new("line_info", 96, FieldForm.Pointer),
            new("line_info_cnt", 104), new("attach_btf_id", 108), new("attach_prog_fd", 112, FieldForm.Descriptor), new("fd_array", 120, FieldForm.Pointer), new("log_true_size", 140),
            new("prog_token_fd", 144, FieldForm.Descriptor),
        ],
        BpfCommand.ObjectPin or BpfCommand.ObjectGet => s_path,
        BpfCommand.ProgramAttach or BpfCommand.ProgramDetach => s_attach,
        BpfCommand.ProgramTestRun =>
        [
            new("prog_fd", 0, FieldForm.Descriptor, true), new("retval", 4, FieldForm.Number, true), new("data_size_in", 8), new("data_size_out", 12), new("data_in", 16, FieldForm.Pointer),
            new("data_out", 24, FieldForm.Pointer), new("repeat", 32), new("duration", 36), new("ctx_size_in", 40), new("ctx_size_out", 44), new("ctx_in", 48, FieldForm.Pointer),
            new("ctx_out", 56, FieldForm.Pointer), new("flags", 64, FieldForm.Hex), new("cpu", 68), new("batch_size", 72),
        ],
        BpfCommand.ProgramNextId or BpfCommand.MapNextId or BpfCommand.BtfNextId or BpfCommand.LinkNextId => s_nextId,
        BpfCommand.ProgramFromId => [new("prog_id", 0, FieldForm.Number, true), new("open_flags", 8, FieldForm.Hex)],
        BpfCommand.MapFromId => [new("map_id", 0, FieldForm.Number, true), new("open_flags", 8, FieldForm.Hex)],
        BpfCommand.BtfFromId => [new("btf_id", 0, FieldForm.Number, true), new("token_fd", 12, FieldForm.Descriptor)],
        BpfCommand.LinkFromId => [new("link_id", 0, FieldForm.Number, true)],
        BpfCommand.ObjectInfo => [new("bpf_fd", 0, FieldForm.Descriptor, true), new("info_len", 4, FieldForm.Number, true), new("info", 8, FieldForm.Pointer, true)],
        BpfCommand.ProgramQuery => s_query,
        BpfCommand.RawTracepointOpen => [new("name", 0, FieldForm.Text, true), new("prog_fd", 8, FieldForm.Descriptor, true), new("cookie", 16, FieldForm.Hex)],
        BpfCommand.BtfLoad =>
        [
            new("btf", 0, FieldForm.Pointer, true), new("btf_log_buf", 8, FieldForm.Pointer), new("btf_size", 16, FieldForm.Number, true), new("btf_log_size", 20), new("btf_log_level", 24),
            new("btf_log_true_size", 28), new("btf_flags", 32, FieldForm.Hex), new("btf_token_fd", 36, FieldForm.Descriptor),
        ],
        BpfCommand.TaskFdQuery =>
        [
            new("pid", 0, FieldForm.Number, true), new("fd", 4, FieldForm.Descriptor, true), new("buf_len", 12), new("buf", 16, FieldForm.Pointer), new("prog_id", 24), new("fd_type", 28),
        ],
        BpfCommand.LinkCreate => s_link,
        BpfCommand.LinkUpdate => [new("link_fd", 0, FieldForm.Descriptor, true), new("new_prog_fd", 4, FieldForm.Descriptor, true), new("flags", 8, FieldForm.Hex), new("old_prog_fd", 12, FieldForm.Descriptor)],
        BpfCommand.LinkDetach => [new("link_fd", 0, FieldForm.Descriptor, true)],
        BpfCommand.EnableStatistics => [new("type", 0, FieldForm.Number, true)],
        BpfCommand.IteratorCreate => [new("link_fd", 0, FieldForm.Descriptor, true), new("flags", 4, FieldForm.Hex)],
        BpfCommand.ProgramBindMap => [new("prog_fd", 0, FieldForm.Descriptor, true), new("map_fd", 4, FieldForm.Descriptor, true), new("flags", 8, FieldForm.Hex)],
        BpfCommand.TokenCreate => [new("flags", 0, FieldForm.Hex), new("bpffs_fd", 4, FieldForm.Descriptor, true)],
        BpfCommand.ProgramStreamRead =>
        [
            new("stream_buf", 0, FieldForm.Pointer, true), new("stream_buf_len", 8, FieldForm.Number, true), new("stream_id", 12, FieldForm.Number, true), new("prog_fd", 16, FieldForm.Descriptor, true),
        ],
        _ => [],
    };

    /// <summary>What follows the common members of BPF_LINK_CREATE, by attach type.</summary>
    public static BpfField[] OfLink(Bytecode.AttachType attach) => attach switch
    {
        Bytecode.AttachType.PerfEvent => [new("perf_event.bpf_cookie", 16, FieldForm.Hex)],
        Bytecode.AttachType.TraceIter => [new("iter_info", 16, FieldForm.Pointer), new("iter_info_len", 24)],
        Bytecode.AttachType.TraceKprobeMulti or Bytecode.AttachType.TraceKprobeSession =>
        [
            new("kprobe_multi.flags", 16, FieldForm.Hex), new("kprobe_multi.cnt", 20, FieldForm.Number, true), new("kprobe_multi.syms", 24, FieldForm.Pointer),
            new("kprobe_multi.addrs", 32, FieldForm.Pointer), new("kprobe_multi.cookies", 40, FieldForm.Pointer),
        ],
        Bytecode.AttachType.TraceUprobeMulti or Bytecode.AttachType.TraceUprobeSession =>
        [
            new("uprobe_multi.path", 16, FieldForm.Text, true), new("uprobe_multi.offsets", 24, FieldForm.Pointer), new("uprobe_multi.ref_ctr_offsets", 32, FieldForm.Pointer),
            new("uprobe_multi.cookies", 40, FieldForm.Pointer), new("uprobe_multi.cnt", 48, FieldForm.Number, true), new("uprobe_multi.flags", 52, FieldForm.Hex), new("uprobe_multi.pid", 56),
        ],
        Bytecode.AttachType.Netfilter =>
        [
            new("netfilter.pf", 16, FieldForm.Number, true), new("netfilter.hooknum", 20, FieldForm.Number, true), new("netfilter.priority", 24, FieldForm.Number, true), new("netfilter.flags", 28, FieldForm.Hex),
        ],
        Bytecode.AttachType.TcxIngress or Bytecode.AttachType.TcxEgress or Bytecode.AttachType.NetkitPrimary or Bytecode.AttachType.NetkitPeer =>
            [new("relative_fd", 16), new("expected_revision", 24, FieldForm.Long)],
        Bytecode.AttachType.TraceFentry or Bytecode.AttachType.TraceFexit or Bytecode.AttachType.ModifyReturn or Bytecode.AttachType.LsmMac or Bytecode.AttachType.TraceRawTp =>
            [new("target_btf_id", 16), new("tracing.cookie", 24, FieldForm.Hex)],
        _ => [],
    };
}
