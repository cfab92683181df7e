using System.Globalization;
using System.Text;
using Osmia.Bytecode;

namespace Osmia.Tests.Verification;

/// <summary>
/// A C program for each signature of each helper, made from the helper table: arguments of the kinds it names, from a program of a type
/// that may call it. The kernel takes them all; what is not made says why.
/// </summary>
internal static class HelperPrograms
{
    // What stands before the programs. Values have no padding, keys and values zeroes.
    private const string Prelude = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        char LICENSE[] SEC("license") = "GPL";
        #define BPF_MAP_TYPE_CGRP_STORAGE 32
        #define OWN __attribute__((preserve_access_index))
        struct path { void *dentry; } OWN;
        struct file { struct path f_path; void *f_inode; } OWN;
        struct task_struct { int pid; } OWN;
        struct timer_value { long a; struct bpf_timer timer; struct bpf_spin_lock lock; struct task_struct __attribute__((btf_type_tag("kptr"))) *task; };
        #define MAP(NAME, TYPE, KEY, VALUE, ENTRIES, FLAGS) struct { __uint(type, BPF_MAP_TYPE_##TYPE); __uint(max_entries, ENTRIES); __type(key, KEY); __type(value, VALUE); __uint(map_flags, FLAGS); } m_##NAME SEC(".maps");
        #define KEYLESS(NAME, TYPE, VALUE, ENTRIES) struct { __uint(type, BPF_MAP_TYPE_##TYPE); __uint(max_entries, ENTRIES); VALUE } m_##NAME SEC(".maps");
        MAP(hash, HASH, int, long, 4, 0)
        MAP(percpu, PERCPU_HASH, int, long, 4, 0)
        MAP(prog_array, PROG_ARRAY, int, int, 4, 0)
        MAP(perf_event_array, PERF_EVENT_ARRAY, int, int, 4, 0)
        MAP(stack_trace, STACK_TRACE, int, struct { long a[20]; }, 4, 0)
        MAP(cgroup_array, CGROUP_ARRAY, int, int, 4, 0)
        MAP(devmap, DEVMAP, int, int, 4, 0)
        MAP(sockmap, SOCKMAP, int, long, 4, 0)
        MAP(sockhash, SOCKHASH, int, long, 4, 0)
        MAP(reuseport, REUSEPORT_SOCKARRAY, int, long, 4, 0)
        MAP(cgroup_storage, CGROUP_STORAGE, struct bpf_cgroup_storage_key, long, 0, 0)
        MAP(sk_storage, SK_STORAGE, int, long, 0, BPF_F_NO_PREALLOC)
        MAP(inode_storage, INODE_STORAGE, int, long, 0, BPF_F_NO_PREALLOC)
        MAP(task_storage, TASK_STORAGE, int, long, 0, BPF_F_NO_PREALLOC)
        MAP(cgrp_storage, CGRP_STORAGE, int, long, 0, BPF_F_NO_PREALLOC)
        MAP(fields, HASH, int, struct timer_value, 4, 0)
        KEYLESS(queue, QUEUE, __type(value, long);, 4)
        KEYLESS(ringbuf, RINGBUF, , 4096)
        KEYLESS(user_ringbuf, USER_RINGBUF, , 4096)
        const char text[] = "%d text";
        static int callback(void) { return 0; }
        static int timed(void *map, void *key, void *value) { return 0; }

        """;

    // A section of each program type; for typed contexts one by the object it gives.
    private static readonly Dictionary<ProgramType, string> s_sections = new()
    {
        [ProgramType.SocketFilter] = "socket", [ProgramType.Kprobe] = "kprobe/do_nanosleep", [ProgramType.SchedCls] = "tc", [ProgramType.SchedAct] = "action",
        [ProgramType.Tracepoint] = "tracepoint/sched/sched_switch", [ProgramType.Xdp] = "xdp", [ProgramType.PerfEvent] = "perf_event", [ProgramType.CgroupSkb] = "cgroup_skb/ingress",
        [ProgramType.CgroupSock] = "cgroup/sock_create", [ProgramType.LwtIn] = "lwt_in", [ProgramType.LwtOut] = "lwt_out", [ProgramType.LwtXmit] = "lwt_xmit",
        [ProgramType.SockOps] = "sockops", [ProgramType.SkSkb] = "sk_skb/stream_verdict", [ProgramType.CgroupDevice] = "cgroup/dev", [ProgramType.SkMsg] = "sk_msg",
        [ProgramType.RawTracepoint] = "raw_tp/sys_enter", [ProgramType.CgroupSockAddr] = "cgroup/connect4", [ProgramType.LwtSeg6local] = "lwt_seg6local",
        [ProgramType.LircMode2] = "lirc_mode2", [ProgramType.SkReuseport] = "sk_reuseport", [ProgramType.FlowDissector] = "flow_dissector",
        [ProgramType.CgroupSysctl] = "cgroup/sysctl", [ProgramType.RawTracepointWritable] = "raw_tp.w/sys_enter", [ProgramType.CgroupSockopt] = "cgroup/setsockopt",
        [ProgramType.SkLookup] = "sk_lookup", [ProgramType.Syscall] = "syscall", [ProgramType.Netfilter] = "netfilter",
    };

    // Sections of programs that have an object of a type, and the C words that take it from r1.
    private static readonly (string Type, string Section, string Words)[] s_objects =
    [
        ("task_struct", "raw_tp/sys_enter", "bpf_get_current_task_btf()"),
        ("seq_file", "iter/task", "**(void ***)c"),
        ("path", "iter/task_file", "&((struct file **)c)[3]->f_path"),
        ("file", "iter/task_file", "((struct file **)c)[3]"),
        ("sock", "tp_btf/inet_sock_set_state", "*(void **)c"),
        ("sock_common", "tp_btf/inet_sock_set_state", "*(void **)c"),
        ("sk_buff", "tp_btf/kfree_skb", "*(void **)c"),
        ("cgroup", "tp_btf/cgroup_mkdir", "*(void **)c"),
        ("inode", "lsm.s/inode_create", "*(void **)c"),
        ("linux_binprm", "lsm/bprm_committed_creds", "*(void **)c"),
    ];

    private static readonly (MapType Type, string Name)[] s_maps =
    [
        (MapType.Hash, "hash"), (MapType.ProgArray, "prog_array"), (MapType.PerfEventArray, "perf_event_array"), (MapType.StackTrace, "stack_trace"),
        (MapType.CgroupArray, "cgroup_array"), (MapType.Devmap, "devmap"), (MapType.Sockmap, "sockmap"), (MapType.Sockhash, "sockhash"),
        (MapType.ReuseportSockarray, "reuseport"), (MapType.CgroupStorage, "cgroup_storage"), (MapType.SkStorage, "sk_storage"), (MapType.InodeStorage, "inode_storage"),
        (MapType.TaskStorage, "task_storage"), (MapType.CgrpStorage, "cgrp_storage"), (MapType.Queue, "queue"), (MapType.Ringbuf, "ringbuf"),
        (MapType.UserRingbuf, "user_ringbuf"), (MapType.PercpuHash, "percpu"),
    ];

    // Helpers whose arguments depend on each other in ways the table does not say, with the body of a program by hand.
    private static readonly Dictionary<HelperId, (string Section, string Body)> s_byHand = new()
    {
        [HelperId.SpinLock] = ("tc", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) { bpf_spin_lock(&v->lock); bpf_spin_unlock(&v->lock); }"),
        [HelperId.SpinUnlock] = ("xdp", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) { bpf_spin_lock(&v->lock); bpf_spin_unlock(&v->lock); }"),
        [HelperId.TimerInit] = ("tc", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) bpf_timer_init(&v->timer, &m_fields, 1);"),
        [HelperId.TimerSetCallback] = ("tc", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) bpf_timer_set_callback(&v->timer, timed);"),
        [HelperId.TimerStart] = ("tc", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) bpf_timer_start(&v->timer, 1, 0);"),
        [HelperId.TimerCancel] = ("tc", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) bpf_timer_cancel(&v->timer);"),
        [HelperId.KptrXchg] = ("syscall", "struct timer_value *v = bpf_map_lookup_elem(&m_fields, &key); if (v) { struct task_struct *t = bpf_kptr_xchg(&v->task, 0); if (t) bpf_task_release(t); }"),
        [HelperId.RingbufSubmit] = ("tc", "void *r = bpf_ringbuf_reserve(&m_ringbuf, 8, 0); if (r) bpf_ringbuf_submit(r, 0);"),
        [HelperId.RingbufDiscard] = ("tc", "void *r = bpf_ringbuf_reserve(&m_ringbuf, 8, 0); if (r) bpf_ringbuf_discard(r, 0);"),
        [HelperId.RingbufReserve] = ("tc", "void *r = bpf_ringbuf_reserve(&m_ringbuf, 8, 0); if (r) bpf_ringbuf_discard(r, 0);"),
        [HelperId.RingbufReserveDynptr] = ("tc", "struct bpf_dynptr d; bpf_ringbuf_reserve_dynptr(&m_ringbuf, 8, 0, &d); bpf_ringbuf_discard_dynptr(&d, 0);"),
        [HelperId.RingbufSubmitDynptr] = ("tc", "struct bpf_dynptr d; bpf_ringbuf_reserve_dynptr(&m_ringbuf, 8, 0, &d); bpf_ringbuf_submit_dynptr(&d, 0);"),
        [HelperId.RingbufDiscardDynptr] = ("tc", "struct bpf_dynptr d; bpf_ringbuf_reserve_dynptr(&m_ringbuf, 8, 0, &d); bpf_ringbuf_discard_dynptr(&d, 0);"),
        [HelperId.DynptrFromMem] = ("tc", "long *v = bpf_map_lookup_elem(&m_hash, &key); struct bpf_dynptr d; if (v) bpf_dynptr_from_mem(v, 8, 0, &d);"),
        [HelperId.DynptrRead] = ("tc", "long *v = bpf_map_lookup_elem(&m_hash, &key); struct bpf_dynptr d; if (v) { bpf_dynptr_from_mem(v, 8, 0, &d); bpf_dynptr_read(m, 8, &d, 0, 0); }"),
        [HelperId.DynptrWrite] = ("tc", "long *v = bpf_map_lookup_elem(&m_hash, &key); struct bpf_dynptr d; if (v) { bpf_dynptr_from_mem(v, 8, 0, &d); bpf_dynptr_write(&d, 0, m, 8, 0); }"),
        [HelperId.DynptrData] = ("tc", "long *v = bpf_map_lookup_elem(&m_hash, &key); struct bpf_dynptr d; if (v) { bpf_dynptr_from_mem(v, 8, 0, &d); long *x = bpf_dynptr_data(&d, 0, 8); if (x) *x = 1; }"),
        [HelperId.SkRelease] = ("tc", "void *s = bpf_sk_lookup_tcp(c, (void *)m, 12, -1, 0); if (s) bpf_sk_release(s);"),
        [HelperId.SkLookupTcp] = ("xdp", "void *s = bpf_sk_lookup_tcp(c, (void *)m, 12, -1, 0); if (s) bpf_sk_release(s);"),
        [HelperId.SkLookupUdp] = ("cgroup/connect4", "void *s = bpf_sk_lookup_udp(c, (void *)m, 12, -1, 0); if (s) bpf_sk_release(s);"),
        [HelperId.SkcLookupTcp] = ("tc", "void *s = bpf_skc_lookup_tcp(c, (void *)m, 12, -1, 0); if (s) bpf_sk_release(s);"),
        [HelperId.SkAssign] = ("tc", "void *s = bpf_sk_lookup_tcp(c, (void *)m, 12, -1, 0); if (s) { bpf_sk_assign(c, s, 0); bpf_sk_release(s); }"),
    };

    /// <summary>Helpers that no program can be made for that any machine loads, with the reason.</summary>
    public static IEnumerable<(HelperId Id, string Reason)> LeftOut
    {
        get
        {
            foreach (Helper helper in HelperTable.All)
            {
                if (!Bodies(helper).Any())
                {
                    yield return (helper.Id, string.Join("; ", helper.Signatures.SelectMany(signature => signature.Callers).Select(caller => caller.Type.ToKernelName() + (caller.Remark.Length > 0 ? " " + caller.Remark : "")).Distinct()));
                }
            }
        }
    }

    /// <summary>The source of all programs. Each is named after its helper and a number.</summary>
    public static string Source()
    {
        var text = new StringBuilder(Prelude);
        text.Append("extern void bpf_task_release(struct task_struct *p) __ksym;\n");
        foreach (Helper helper in HelperTable.All)
        {
            int number = 0;
            foreach ((string section, string body) in Bodies(helper))
            {
                bool isTypedIterator = section.StartsWith("iter/", StringComparison.Ordinal);
                string start = isTypedIterator && body.Contains("[3]", StringComparison.Ordinal) ? "if (!((void **)c)[3]) return 0; " : "";
                text.Append(CultureInfo.InvariantCulture, $"SEC(\"{section}\") int {helper.Name}_{number++}(void *c) {{ char m[64] __attribute__((aligned(8))) = {{}}; long value = 0; int key = 0; {start}{body} return {Result(section)}; }}\n");
            }
        }

        return text.ToString();
    }

    private static int Result(string section) => section is "cgroup/getpeername4" ? 1 : 0;

    private static IEnumerable<(string Section, string Body)> Bodies(Helper helper)
    {
        if (s_byHand.TryGetValue(helper.Id, out (string, string) byHand))
        {
            yield return byHand;
            yield break;
        }

        if (helper.Id is HelperId.ProbeWriteUser)
        {
            // Refused by a kernel that is locked down, whatever the program does.
            yield break;
        }

        foreach (HelperSignature signature in helper.Signatures)
        {
            int made = 0;
            foreach (HelperCaller caller in signature.Callers)
            {
                // Two program types of each signature are enough: which types may call is tried elsewhere.
                if (made < 2 && (caller.Type != ProgramType.Syscall || helper.Id != HelperId.GetStackid) && Body(helper, signature, caller) is { } body)
                {
                    made++;
                    yield return body;
                }
            }
        }
    }

    private static (string Section, string Body)? Body(Helper helper, HelperSignature signature, HelperCaller caller)
    {
        string? section = SectionOf(signature, caller);
        var arguments = new List<string>();
        string before = "";
        for (int i = 0; i < signature.Arguments.Count && section is not null; i++)
        {
            HelperArgument argument = signature.Arguments[i];
            string? word = argument.Kind switch
            {
                HelperArgumentKind.Context => "c",
                HelperArgumentKind.ConstMap => MapFor(helper.Id),
                HelperArgumentKind.MapKey => "&key",
                HelperArgumentKind.MapValue => argument.IsNullable ? "0" : "&value",
                HelperArgumentKind.ConstSize or HelperArgumentKind.ConstSizeOrZero or HelperArgumentKind.ConstAllocSizeOrZero => SizeFor(helper.Id),
                HelperArgumentKind.Memory or HelperArgumentKind.Stack => "m",
                HelperArgumentKind.ConstString => "text",
                HelperArgumentKind.Function => "callback",
                HelperArgumentKind.BtfSocketCommon when ObjectOf("sock", section) is { } typed => typed,
                HelperArgumentKind.SocketCommon or HelperArgumentKind.BtfSocketCommon when section is "tc" or "cgroup_skb/ingress" or "action" => "s",
                HelperArgumentKind.Socket when argument.IsNullable => "0",
                HelperArgumentKind.BtfPointer => ObjectOf(argument.TypeName, section),
                HelperArgumentKind.Anything or HelperArgumentKind.Scalar => NumberFor(helper.Id, i),
                _ => null,
            };
            if (word is null)
            {
                return null;
            }

            before = word == "s" ? "struct bpf_sock *s = ((struct __sk_buff *)c)->sk; if (!s) return 0; " : before;
            arguments.Add(word);
        }

        string types = string.Join(", ", arguments.Select(_ => "long"));
        string call = string.Join(", ", arguments.Select(word => $"(long)({word})"));
        return section is null ? null : (section, $"{before}((long (*)({types}))(void *){(int)helper.Id})({call});");
    }

    private static string? SectionOf(HelperSignature signature, HelperCaller caller)
    {
        string? wanted = signature.Arguments.Where(argument => argument.Kind == HelperArgumentKind.BtfPointer).Select(argument => argument.TypeName).FirstOrDefault();
        wanted ??= caller.Type == ProgramType.Tracing && signature.Arguments.Any(argument => argument.Kind is HelperArgumentKind.BtfSocketCommon or HelperArgumentKind.SocketCommon) ? "sock" : null;
        if (wanted == "task_struct" && s_sections.TryGetValue(caller.Type, out string? anywhere))
        {
            return (signature.Traits & HelperTraits.MaySleep) != 0 ? Sleepable(caller) : anywhere;
        }

        if (wanted is not null)
        {
            string? section = s_objects.FirstOrDefault(one => one.Type == wanted).Section;
            ProgramType type = section?.Split('/')[0] switch { "iter" or "tp_btf" => ProgramType.Tracing, "lsm" or "lsm.s" => ProgramType.Lsm, _ => ProgramType.RawTracepoint };
            AttachType attach = section?.StartsWith("iter", StringComparison.Ordinal) == true ? AttachType.TraceIter : section?.StartsWith("tp_btf", StringComparison.Ordinal) == true ? AttachType.TraceRawTp : AttachType.LsmMac;
            return section is not null && caller.Covers(type, type == ProgramType.RawTracepoint ? null : attach) ? section : null;
        }

        if ((signature.Traits & HelperTraits.MaySleep) != 0)
        {
            return Sleepable(caller);
        }

        if (caller.Remark.Length > 0)
        {
            return null;
        }

        if (caller.AttachTypes.Count == 0 || caller.Covers(caller.Type, AttachType.CgroupInet4Connect))
        {
            return s_sections.GetValueOrDefault(caller.Type);
        }

        return caller switch
        {
            { Type: ProgramType.CgroupSockopt } => "cgroup/setsockopt",
            { Type: ProgramType.Tracing } when caller.Covers(ProgramType.Tracing, AttachType.TraceRawTp) => "tp_btf/sched_switch",
            { Type: ProgramType.Tracing } when caller.Covers(ProgramType.Tracing, AttachType.TraceFentry) => "fentry/do_nanosleep",
            { Type: ProgramType.Kprobe } => "kprobe.multi/do_nanosleep",
            _ => null,
        };
    }

    private static string? Sleepable(HelperCaller caller) => caller.Type switch
    {
        ProgramType.Syscall => "syscall",
        ProgramType.Kprobe => "uprobe.s",
        ProgramType.Lsm => "lsm.s/file_open",
        _ => null,
    };

    private static string? ObjectOf(string type, string section) => s_objects.FirstOrDefault(one => one.Type == type) is { Words: { } words } found
        && (found.Section == section || type == "task_struct") ? words : null;

    private static string? MapFor(HelperId helper)
    {
        (MapType _, string? name) = s_maps.FirstOrDefault(map => MapHelperTable.Allows(map.Type, helper));
        return name is null ? null : "&m_" + name;
    }

    private static string SizeFor(HelperId helper) => helper switch
    {
        HelperId.FibLookup => "64",
        HelperId.SnprintfBtf => "16",
        _ => "8",
    };

    private static string NumberFor(HelperId helper, int index) => (helper, index) switch
    {
        (HelperId.TcpCheckSyncookie, _) => "20",
        _ => "0",
    };
}
