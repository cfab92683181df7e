using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Osmia.Bytecode;

namespace Osmia.Kernel.Syscalls.Tracing;

/// <summary>A bpf(2) call as text, from the attributes it was made with.</summary>
/// <remarks>Safe although unsafe: the only addresses followed are texts that the caller made for this call.</remarks>
internal static unsafe class BpfCallText
{
    private static readonly (uint Flag, string Name)[] s_mapFlags =
    [
        ((uint)MapCreateFlags.NoPrealloc, "BPF_F_NO_PREALLOC"), ((uint)MapCreateFlags.NoCommonLru, "BPF_F_NO_COMMON_LRU"), ((uint)MapCreateFlags.NumaNode, "BPF_F_NUMA_NODE"),
        ((uint)MapCreateFlags.ReadOnly, "BPF_F_RDONLY"), ((uint)MapCreateFlags.WriteOnly, "BPF_F_WRONLY"), ((uint)MapCreateFlags.StackBuildId, "BPF_F_STACK_BUILD_ID"),
        ((uint)MapCreateFlags.ZeroSeed, "BPF_F_ZERO_SEED"), ((uint)MapCreateFlags.ReadOnlyForPrograms, "BPF_F_RDONLY_PROG"), ((uint)MapCreateFlags.WriteOnlyForPrograms, "BPF_F_WRONLY_PROG"),
        ((uint)MapCreateFlags.Clone, "BPF_F_CLONE"), ((uint)MapCreateFlags.Mmapable, "BPF_F_MMAPABLE"), ((uint)MapCreateFlags.PreserveElements, "BPF_F_PRESERVE_ELEMS"),
        ((uint)MapCreateFlags.InnerMap, "BPF_F_INNER_MAP"), ((uint)MapCreateFlags.Link, "BPF_F_LINK"), ((uint)MapCreateFlags.ValueTypeBtf, "BPF_F_VTYPE_BTF_OBJ_FD"),
        ((uint)MapCreateFlags.TokenFd, "BPF_F_TOKEN_FD"),
    ];

    private static readonly (uint Flag, string Name)[] s_xdpFlags =
        [(1, "XDP_FLAGS_UPDATE_IF_NOEXIST"), (2, "XDP_FLAGS_SKB_MODE"), (4, "XDP_FLAGS_DRV_MODE"), (8, "XDP_FLAGS_HW_MODE"), (16, "XDP_FLAGS_REPLACE")];

    public static string Of<T>(BpfCommand command, in T attributes)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in attributes));
        var text = new StringBuilder("bpf(").Append(NameOf(command)).Append(", {");
        Append(text, BpfFields.Of(command, bytes), bytes, isFirst: true);
        if (command == BpfCommand.LinkCreate)
        {
            Append(text, BpfFields.OfLink((AttachType)MemoryMarshal.Read<uint>(bytes[8..])), bytes, isFirst: false);
        }

        return text.Append(CultureInfo.InvariantCulture, $"}}, {sizeof(T)})").ToString();
    }

    public static string NameOf(BpfCommand command) => command switch
    {
        BpfCommand.MapCreate => "BPF_MAP_CREATE",
        BpfCommand.MapLookup => "BPF_MAP_LOOKUP_ELEM",
        BpfCommand.MapUpdate => "BPF_MAP_UPDATE_ELEM",
        BpfCommand.MapDelete => "BPF_MAP_DELETE_ELEM",
        BpfCommand.MapNextKey => "BPF_MAP_GET_NEXT_KEY",
        BpfCommand.ProgramLoad => "BPF_PROG_LOAD",
        BpfCommand.ObjectPin => "BPF_OBJ_PIN",
        BpfCommand.ObjectGet => "BPF_OBJ_GET",
        BpfCommand.ProgramAttach => "BPF_PROG_ATTACH",
        BpfCommand.ProgramDetach => "BPF_PROG_DETACH",
        BpfCommand.ProgramTestRun => "BPF_PROG_TEST_RUN",
        BpfCommand.ProgramNextId => "BPF_PROG_GET_NEXT_ID",
        BpfCommand.MapNextId => "BPF_MAP_GET_NEXT_ID",
        BpfCommand.ProgramFromId => "BPF_PROG_GET_FD_BY_ID",
        BpfCommand.MapFromId => "BPF_MAP_GET_FD_BY_ID",
        BpfCommand.ObjectInfo => "BPF_OBJ_GET_INFO_BY_FD",
        BpfCommand.ProgramQuery => "BPF_PROG_QUERY",
        BpfCommand.RawTracepointOpen => "BPF_RAW_TRACEPOINT_OPEN",
        BpfCommand.BtfLoad => "BPF_BTF_LOAD",
        BpfCommand.BtfFromId => "BPF_BTF_GET_FD_BY_ID",
        BpfCommand.TaskFdQuery => "BPF_TASK_FD_QUERY",
        BpfCommand.MapLookupAndDelete => "BPF_MAP_LOOKUP_AND_DELETE_ELEM",
        BpfCommand.MapFreeze => "BPF_MAP_FREEZE",
        BpfCommand.BtfNextId => "BPF_BTF_GET_NEXT_ID",
        BpfCommand.MapLookupBatch => "BPF_MAP_LOOKUP_BATCH",
        BpfCommand.MapLookupAndDeleteBatch => "BPF_MAP_LOOKUP_AND_DELETE_BATCH",
        BpfCommand.MapUpdateBatch => "BPF_MAP_UPDATE_BATCH",
        BpfCommand.MapDeleteBatch => "BPF_MAP_DELETE_BATCH",
        BpfCommand.LinkCreate => "BPF_LINK_CREATE",
        BpfCommand.LinkUpdate => "BPF_LINK_UPDATE",
        BpfCommand.LinkFromId => "BPF_LINK_GET_FD_BY_ID",
        BpfCommand.LinkNextId => "BPF_LINK_GET_NEXT_ID",
        BpfCommand.EnableStatistics => "BPF_ENABLE_STATS",
        BpfCommand.IteratorCreate => "BPF_ITER_CREATE",
        BpfCommand.LinkDetach => "BPF_LINK_DETACH",
        BpfCommand.ProgramBindMap => "BPF_PROG_BIND_MAP",
        BpfCommand.TokenCreate => "BPF_TOKEN_CREATE",
        BpfCommand.ProgramStreamRead => "BPF_PROG_STREAM_READ_BY_FD",
        _ => string.Create(CultureInfo.InvariantCulture, $"0x{(int)command:x} /* BPF_??? */"),
    };

    private static void Append(StringBuilder text, BpfField[] fields, ReadOnlySpan<byte> bytes, bool isFirst)
    {
        foreach (BpfField field in fields)
        {
            if (field.Offset + SizeOf(field.Form) > bytes.Length || (!field.IsKey && !bytes.Slice(field.Offset, SizeOf(field.Form)).ContainsAnyExcept((byte)0)))
            {
                continue;
            }

            text.Append(isFirst ? "" : ", ").Append(field.Name).Append('=').Append(Value(field.Form, bytes[field.Offset..]));
            isFirst = false;
        }
    }

    private static int SizeOf(FieldForm form) => form switch
    {
        FieldForm.Name => 16,
        FieldForm.Pointer or FieldForm.Text or FieldForm.Long => 8,
        _ => 4,
    };

    private static string Value(FieldForm form, ReadOnlySpan<byte> bytes)
    {
        uint number = MemoryMarshal.Read<uint>(bytes);
        return form switch
        {
            FieldForm.Descriptor => ((int)number).ToString(CultureInfo.InvariantCulture),
            FieldForm.Hex => $"0x{number:x}",
            FieldForm.Long => MemoryMarshal.Read<ulong>(bytes).ToString(CultureInfo.InvariantCulture),
            FieldForm.Name => SyscallTrace.Quote(bytes[..Math.Max(bytes[..16].IndexOf((byte)0), 0)]),
            FieldForm.Pointer => MemoryMarshal.Read<ulong>(bytes) is 0 ? "NULL" : $"0x{MemoryMarshal.Read<ulong>(bytes):x}",
            FieldForm.Text => MemoryMarshal.Read<ulong>(bytes) is 0 ? "NULL" : SyscallTrace.Quote(MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)MemoryMarshal.Read<ulong>(bytes))),
            FieldForm.MapType => "BPF_MAP_TYPE_" + ((MapType)number).ToKernelName().ToUpperInvariant(),
            FieldForm.ProgramType => "BPF_PROG_TYPE_" + ((ProgramType)number).ToKernelName().ToUpperInvariant(),
            FieldForm.AttachType => AttachName((AttachType)number),
            FieldForm.MapFlags => FlagNames(number, s_mapFlags),
            FieldForm.XdpFlags => FlagNames(number, s_xdpFlags),
            FieldForm.KernelVersion => string.Create(CultureInfo.InvariantCulture, $"KERNEL_VERSION({number >> 16}, {(number >> 8) & 0xff}, {number & 0xff})"),
            _ => number.ToString(CultureInfo.InvariantCulture),
        };
    }

    // The kernel writes some of its names without the word that tells the kind.
    private static string AttachName(AttachType type) => "BPF_" + type.ToKernelName().ToUpperInvariant();

    private static string FlagNames(uint flags, (uint Flag, string Name)[] names)
    {
        var parts = new List<string>();
        foreach ((uint flag, string name) in names)
        {
            if ((flags & flag) != 0)
            {
                parts.Add(name);
                flags &= ~flag;
            }
        }

        if (flags != 0)
        {
            parts.Add($"0x{flags:x}");
        }

        return string.Join('|', parts);
    }
}
