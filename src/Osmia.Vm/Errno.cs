namespace Osmia.Vm;

/// <summary>Linux error numbers that helpers return (negated) and map operations fail with.</summary>
internal static class Errno
{
    public const int Perm = 1;
    public const int NoEntry = 2;
    public const int TooBig = 7;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int Access = 13;
    public const int Fault = 14;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int Invalid = 22;
    public const int NoSpace = 28;
    public const int Range = 34;
    public const int NoData = 61;
    public const int Overflow = 75;
    public const int NotSupported = 95;

    /// <summary>ENOTSUPP: the kernel's own number, without a name in C libraries.</summary>
    public const int NotSupportedHere = 524;

    public static ulong Negative(int errno) => (ulong)(long)-errno;

    public static string NameOf(int errno) => errno switch
    {
        Perm => "EPERM",
        NoEntry => "ENOENT",
        TooBig => "E2BIG",
        Again => "EAGAIN",
        NoMemory => "ENOMEM",
        Access => "EACCES",
        Fault => "EFAULT",
        Busy => "EBUSY",
        Exists => "EEXIST",
        Invalid => "EINVAL",
        NoSpace => "ENOSPC",
        Range => "ERANGE",
        NoData => "ENODATA",
        Overflow => "EOVERFLOW",
        NotSupported => "EOPNOTSUPP",
        NotSupportedHere => "ENOTSUPP",
        _ => $"errno {errno}",
    };
}
