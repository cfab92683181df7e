using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel.Inventory;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Words;

/// <summary>Hooks of cgroups: the kernel's names, or bpftool's short ones (<c>ingress</c>, <c>connect4</c>), which may be cut short.</summary>
[SupportedOSPlatform("linux")]
internal static class CgroupHookWords
{
    private static readonly (string Word, AttachType Hook)[] s_short =
    [
        ("ingress", AttachType.CgroupInetIngress), ("egress", AttachType.CgroupInetEgress), ("sock_create", AttachType.CgroupInetSockCreate), ("sock_ops", AttachType.CgroupSockOps),
        ("device", AttachType.CgroupDevice), ("bind4", AttachType.CgroupInet4Bind), ("bind6", AttachType.CgroupInet6Bind), ("connect4", AttachType.CgroupInet4Connect),
        ("connect6", AttachType.CgroupInet6Connect), ("connect_unix", AttachType.CgroupUnixConnect), ("post_bind4", AttachType.CgroupInet4PostBind),
        ("post_bind6", AttachType.CgroupInet6PostBind), ("getpeername4", AttachType.CgroupInet4Getpeername), ("getpeername6", AttachType.CgroupInet6Getpeername),
        ("getpeername_unix", AttachType.CgroupUnixGetpeername), ("getsockname4", AttachType.CgroupInet4Getsockname), ("getsockname6", AttachType.CgroupInet6Getsockname),
        ("getsockname_unix", AttachType.CgroupUnixGetsockname), ("sendmsg4", AttachType.CgroupUdp4Sendmsg), ("sendmsg6", AttachType.CgroupUdp6Sendmsg),
        ("sendmsg_unix", AttachType.CgroupUnixSendmsg), ("recvmsg4", AttachType.CgroupUdp4Recvmsg), ("recvmsg6", AttachType.CgroupUdp6Recvmsg),
        ("recvmsg_unix", AttachType.CgroupUnixRecvmsg), ("sysctl", AttachType.CgroupSysctl), ("getsockopt", AttachType.CgroupGetsockopt), ("setsockopt", AttachType.CgroupSetsockopt),
        ("sock_release", AttachType.CgroupInetSockRelease),
    ];

    public static AttachType Parse(WordReader words)
    {
        string text = words.Next("the hook");
        if (AttachTypeNames.TryParse(text, out AttachType hook))
        {
            return hook;
        }

        (string? word, AttachType found) = Array.Find(s_short, row => text.Length > 0 && row.Word.StartsWith(text, StringComparison.Ordinal));
        if (word is not null)
        {
            return found;
        }

        IReadOnlyList<string> nearest = Similarity.Nearest(text, s_short.Select(row => row.Word).Concat(ProgramAttachments.CgroupHooks.Select(known => known.ToKernelName())), 3);
        throw new UsageException($"{words.Verb}: there is no cgroup hook '{text}'{(nearest.Count > 0 ? $"; did you mean {string.Join(", ", nearest)}?" : $"; there are {string.Join(", ", s_short.Select(row => row.Word))}")}");
    }
}
