namespace Osmia.Kernel.Syscalls;

/// <summary>Linux error numbers that bpf(2) and its neighbours return, with the kernel's names (asm-generic/errno.h).</summary>
internal static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EINTR = 4;
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

    private static readonly (int Number, string Name, string Text)[] s_table =
    [
        (EPERM, "EPERM", "operation not permitted"),
        (ENOENT, "ENOENT", "no such entry"),
        (ESRCH, "ESRCH", "no such process or symbol"),
        (EINTR, "EINTR", "interrupted by a signal"),
        (5, "EIO", "input/output error"),
        (6, "ENXIO", "no such device or address"),
        (E2BIG, "E2BIG", "too big: a map is full, or a program or argument is larger than the kernel allows"),
        (EBADF, "EBADF", "bad file descriptor"),
        (EAGAIN, "EAGAIN", "try again"),
        (ENOMEM, "ENOMEM", "out of memory"),
        (EACCES, "EACCES", "access refused"),
        (EFAULT, "EFAULT", "bad address"),
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
        (27, "EFBIG", "file too large"),
        (ENOSPC, "ENOSPC", "no space"),
        (30, "EROFS", "read-only file system"),
        (33, "EDOM", "out of domain"),
        (ERANGE, "ERANGE", "out of range"),
        (36, "ENAMETOOLONG", "name too long"),
        (ENOSYS, "ENOSYS", "not implemented by this kernel"),
        (40, "ELOOP", "too many levels"),
        (61, "ENODATA", "no data"),
        (62, "ETIME", "timer expired"),
        (71, "EPROTO", "protocol error"),
        (75, "EOVERFLOW", "value too large"),
        (93, "EPROTONOSUPPORT", "protocol not supported"),
        (EOPNOTSUPP, "EOPNOTSUPP", "not supported by this kernel, device or program type"),
        (97, "EAFNOSUPPORT", "address family not supported"),
        (99, "EADDRNOTAVAIL", "address not available"),
        (100, "ENETDOWN", "network is down"),
        (110, "ETIMEDOUT", "timed out"),
        (116, "ESTALE", "stale"),
        (ENOTSUPP, "ENOTSUPP", "operation not supported (a kernel-internal number)"),
    ];

    public static string Name(int errno) =>
        s_table.FirstOrDefault(row => row.Number == errno).Name ?? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"errno {errno}");

    /// <summary><c>EINVAL (invalid argument)</c>.</summary>
    public static string Describe(int errno)
    {
        string? text = s_table.FirstOrDefault(row => row.Number == errno).Text;
        return text is null ? Name(errno) : $"{Name(errno)} ({text})";
    }
}
