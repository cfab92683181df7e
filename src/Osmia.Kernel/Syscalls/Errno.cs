namespace Osmia.Kernel.Syscalls;

/// <summary>Linux error numbers that bpf(2) and its neighbours return, with the kernel's names (asm-generic/errno.h).</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EINTR = 4;
    public const int ENXIO = 6;
    public const int E2BIG = 7;
    public const int EBADF = 9;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EFAULT = 14;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENODEV = 19;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;
    public const int ERANGE = 34;
    public const int ENOSYS = 38;
    public const int EOPNOTSUPP = 95;

    /// <summary>Internal to the kernel, without a text in any C library, yet returned by bpf(2).</summary>
    public const int ENOTSUPP = 524;

    // All of asm-generic, then those that are the kernel's own and slip out at times.
    private static readonly (int Number, string Name, string Text)[] s_table =
    [
        (EPERM, "EPERM", "operation not permitted"),
        (ENOENT, "ENOENT", "no such entry"),
        (ESRCH, "ESRCH", "no such process or symbol"),
        (EINTR, "EINTR", "interrupted by a signal"),
        (5, "EIO", "input/output error"),
        (6, "ENXIO", "no such device or address"),
        (E2BIG, "E2BIG", "too big: a map is full, or a program or argument is larger than the kernel allows"),
        (8, "ENOEXEC", "exec format error"),
        (EBADF, "EBADF", "bad file descriptor"),
        (10, "ECHILD", "no child processes"),
        (EAGAIN, "EAGAIN", "try again"),
        (ENOMEM, "ENOMEM", "out of memory"),
        (EACCES, "EACCES", "access refused"),
        (EFAULT, "EFAULT", "bad address"),
        (15, "ENOTBLK", "block device required"),
        (EBUSY, "EBUSY", "busy"),
        (EEXIST, "EEXIST", "exists already"),
        (18, "EXDEV", "crosses devices"),
        (ENODEV, "ENODEV", "no such device"),
        (20, "ENOTDIR", "not a directory"),
        (21, "EISDIR", "is a directory"),
        (EINVAL, "EINVAL", "invalid argument"),
        (23, "ENFILE", "too many open files in the system"),
        (24, "EMFILE", "too many open files in this process"),
        (25, "ENOTTY", "not supported by this descriptor"),
        (26, "ETXTBSY", "text file busy"),
        (27, "EFBIG", "file too large"),
        (ENOSPC, "ENOSPC", "no space"),
        (29, "ESPIPE", "illegal seek"),
        (30, "EROFS", "read-only file system"),
        (31, "EMLINK", "too many links"),
        (32, "EPIPE", "broken pipe"),
        (33, "EDOM", "out of domain"),
        (ERANGE, "ERANGE", "out of range"),
        (35, "EDEADLK", "resource deadlock avoided"),
        (36, "ENAMETOOLONG", "name too long"),
        (37, "ENOLCK", "no locks available"),
        (ENOSYS, "ENOSYS", "not implemented by this kernel"),
        (39, "ENOTEMPTY", "directory not empty"),
        (40, "ELOOP", "too many levels"),
        (42, "ENOMSG", "no message of desired type"),
        (43, "EIDRM", "identifier removed"),
        (44, "ECHRNG", "channel number out of range"),
        (45, "EL2NSYNC", "level 2 not synchronized"),
        (46, "EL3HLT", "level 3 halted"),
        (47, "EL3RST", "level 3 reset"),
        (48, "ELNRNG", "link number out of range"),
        (49, "EUNATCH", "protocol driver not attached"),
        (50, "ENOCSI", "no csi structure available"),
        (51, "EL2HLT", "level 2 halted"),
        (52, "EBADE", "invalid exchange"),
        (53, "EBADR", "invalid request descriptor"),
        (54, "EXFULL", "exchange full"),
        (55, "ENOANO", "no anode"),
        (56, "EBADRQC", "invalid request code"),
        (57, "EBADSLT", "invalid slot"),
        (59, "EBFONT", "bad font file format"),
        (60, "ENOSTR", "device not a stream"),
        (61, "ENODATA", "no data"),
        (62, "ETIME", "timer expired"),
        (63, "ENOSR", "out of streams resources"),
        (64, "ENONET", "machine is not on the network"),
        (65, "ENOPKG", "package not installed"),
        (66, "EREMOTE", "object is remote"),
        (67, "ENOLINK", "link has been severed"),
        (68, "EADV", "advertise error"),
        (69, "ESRMNT", "srmount error"),
        (70, "ECOMM", "communication error on send"),
        (71, "EPROTO", "protocol error"),
        (72, "EMULTIHOP", "multihop attempted"),
        (73, "EDOTDOT", "rfs specific error"),
        (74, "EBADMSG", "bad message"),
        (75, "EOVERFLOW", "value too large"),
        (76, "ENOTUNIQ", "name not unique on network"),
        (77, "EBADFD", "file descriptor in bad state"),
        (78, "EREMCHG", "remote address changed"),
        (79, "ELIBACC", "can not access a needed shared library"),
        (80, "ELIBBAD", "accessing a corrupted shared library"),
        (81, "ELIBSCN", ".lib section in a.out corrupted"),
        (82, "ELIBMAX", "attempting to link in too many shared libraries"),
        (83, "ELIBEXEC", "cannot exec a shared library directly"),
        (84, "EILSEQ", "invalid or incomplete multibyte or wide character"),
        (85, "ERESTART", "interrupted system call should be restarted"),
        (86, "ESTRPIPE", "streams pipe error"),
        (87, "EUSERS", "too many users"),
        (88, "ENOTSOCK", "socket operation on non-socket"),
        (89, "EDESTADDRREQ", "destination address required"),
        (90, "EMSGSIZE", "message too long"),
        (91, "EPROTOTYPE", "protocol wrong type for socket"),
        (92, "ENOPROTOOPT", "protocol not available"),
        (93, "EPROTONOSUPPORT", "protocol not supported"),
        (94, "ESOCKTNOSUPPORT", "socket type not supported"),
        (EOPNOTSUPP, "EOPNOTSUPP", "not supported by this kernel, device or program type"),
        (96, "EPFNOSUPPORT", "protocol family not supported"),
        (97, "EAFNOSUPPORT", "address family not supported"),
        (98, "EADDRINUSE", "address already in use"),
        (99, "EADDRNOTAVAIL", "address not available"),
        (100, "ENETDOWN", "network is down"),
        (101, "ENETUNREACH", "network is unreachable"),
        (102, "ENETRESET", "network dropped connection on reset"),
        (103, "ECONNABORTED", "software caused connection abort"),
        (104, "ECONNRESET", "connection reset by peer"),
        (105, "ENOBUFS", "no buffer space available"),
        (106, "EISCONN", "transport endpoint is already connected"),
        (107, "ENOTCONN", "transport endpoint is not connected"),
        (108, "ESHUTDOWN", "cannot send after transport endpoint shutdown"),
        (109, "ETOOMANYREFS", "too many references: cannot splice"),
        (110, "ETIMEDOUT", "timed out"),
        (111, "ECONNREFUSED", "connection refused"),
        (112, "EHOSTDOWN", "host is down"),
        (113, "EHOSTUNREACH", "no route to host"),
        (114, "EALREADY", "operation already in progress"),
        (115, "EINPROGRESS", "operation now in progress"),
        (116, "ESTALE", "stale"),
        (117, "EUCLEAN", "structure needs cleaning"),
        (118, "ENOTNAM", "not a xenix named type file"),
        (119, "ENAVAIL", "no xenix semaphores available"),
        (120, "EISNAM", "is a named type file"),
        (121, "EREMOTEIO", "remote i/o error"),
        (122, "EDQUOT", "disk quota exceeded"),
        (123, "ENOMEDIUM", "no medium found"),
        (124, "EMEDIUMTYPE", "wrong medium type"),
        (125, "ECANCELED", "operation canceled"),
        (126, "ENOKEY", "required key not available"),
        (127, "EKEYEXPIRED", "key has expired"),
        (128, "EKEYREVOKED", "key has been revoked"),
        (129, "EKEYREJECTED", "key was rejected by service"),
        (130, "EOWNERDEAD", "owner died"),
        (131, "ENOTRECOVERABLE", "state not recoverable"),
        (132, "ERFKILL", "operation not possible due to rf-kill"),
        (512, "ERESTARTSYS", "interrupted, to be restarted"),
        (514, "ERESTARTNOHAND", "interrupted, to be restarted"),
        (517, "EPROBE_DEFER", "a driver asks to be tried later"),
        (518, "EOPENSTALE", "open found a stale file handle"),
        (519, "ENOPARAM", "parameter not supported"),
        (521, "EBADHANDLE", "illegal NFS file handle"),
        (522, "ENOTSYNC", "update synchronisation mismatch"),
        (523, "EBADCOOKIE", "cookie is stale"),
        (ENOTSUPP, "ENOTSUPP", "operation not supported (a kernel-internal number)"),
        (525, "ETOOSMALL", "buffer or request is too small"),
        (526, "ESERVERFAULT", "an untranslatable error occurred"),
        (527, "EBADTYPE", "type not supported"),
        (528, "EJUKEBOX", "request started, not complete yet"),
        (529, "EIOCBQUEUED", "queued"),
        (530, "ERECALLCONFLICT", "conflict with a recalled state"),
        (531, "ENOGRACE", "NFS file lock reclaim refused"),
    ];

    /// <summary>Every number there is a name for.</summary>
    public static IEnumerable<int> All => s_table.Select(row => row.Number);

    public static string Name(int errno) =>
        s_table.FirstOrDefault(row => row.Number == errno).Name ?? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"errno {errno}");

    /// <summary><c>EINVAL (invalid argument)</c>.</summary>
    public static string Describe(int errno)
    {
        string? text = s_table.FirstOrDefault(row => row.Number == errno).Text;
        return text is null ? Name(errno) : $"{Name(errno)} ({text})";
    }
}
