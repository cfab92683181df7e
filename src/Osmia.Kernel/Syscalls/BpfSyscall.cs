using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Osmia.Kernel.Syscalls.Tracing;

namespace Osmia.Kernel.Syscalls;

/// <summary>
/// bpf(2), typed. Every call returns what the kernel returned: a descriptor or 0, or a negated errno. Callers word the error,
/// because only they know what was being done.
/// </summary>
internal static unsafe class BpfSyscall
{
    public static int Call<T>(BpfCommand command, ref T attributes)
        where T : unmanaged
    {
        fixed (T* pointer = &attributes)
        {
            while (true)
            {
                long started = SyscallTrace.IsOn ? SyscallTrace.Start() : 0;
                int result = (int)Libc.BareSyscall(SyscallNumbers.Bpf, (int)command, pointer, sizeof(T));
                if (result < 0)
                {
                    result = -Marshal.GetLastSystemError();
                }

                if (started != 0)
                {
                    SyscallTrace.Tell(BpfCallText.Of(command, in attributes), result, started);
                }

                if (result != -Errno.EINTR)
                {
                    return result;
                }
            }
        }
    }

    /// <summary>The short way of the calls that are made most often; whatever is unusual goes through <see cref="Call"/>.</summary>
    public static int MapOperation(BpfCommand command, int map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags)
    {
        fixed (byte* keyPointer = key)
        fixed (byte* valuePointer = value)
        {
            var attributes = new MapElementAttributes { MapFd = map, Key = (ulong)keyPointer, Value = (ulong)valuePointer, Flags = flags };
            if (SyscallTrace.IsOn)
            {
                return Call(command, ref attributes);
            }

            int result = (int)Libc.BareSyscall(SyscallNumbers.Bpf, (int)command, &attributes, sizeof(MapElementAttributes));
            return result >= 0 ? result : Marshal.GetLastSystemError() is var errno && errno == Errno.EINTR ? Call(command, ref attributes) : -errno;
        }
    }

    public static int MapFreeze(int map)
    {
        var attributes = new MapElementAttributes { MapFd = map };
        return Call(BpfCommand.MapFreeze, ref attributes);
    }

    public static int Pin(int fd, string path) => Path(BpfCommand.ObjectPin, fd, path);

    public static int GetPinned(string path) => Path(BpfCommand.ObjectGet, 0, path);

    private static int Path(BpfCommand command, int fd, string path)
    {
        fixed (byte* pointer = Terminated(path))
        {
            var attributes = new PinAttributes { Path = (ulong)pointer, Fd = fd };
            return Call(command, ref attributes);
        }
    }

    /// <summary>The next larger id of a kind of object; -ENOENT at the end.</summary>
    public static int NextId(BpfCommand command, uint id, out uint next)
    {
        var attributes = new IdAttributes { Id = id };
        int result = Call(command, ref attributes);
        next = attributes.NextId;
        return result;
    }

    public static int FromId(BpfCommand command, uint id)
    {
        var attributes = new IdAttributes { Id = id };
        return Call(command, ref attributes);
    }

    public static int Info<T>(int fd, ref T info)
        where T : unmanaged
    {
        fixed (T* pointer = &info)
        {
            var attributes = new InfoAttributes { Fd = fd, Length = (uint)sizeof(T), Info = (ulong)pointer };
            return Call(BpfCommand.ObjectInfo, ref attributes);
        }
    }

    /// <summary>Opens a raw tracepoint; without a name the program's own typed tracepoint.</summary>
    public static int RawTracepointOpen(int program, string? name)
    {
        fixed (byte* pointer = name is null ? null : Terminated(name))
        {
            var attributes = new RawTracepointAttributes { Name = (ulong)pointer, ProgramFd = program };
            return Call(BpfCommand.RawTracepointOpen, ref attributes);
        }
    }

    public static int LinkCreate(int program, int target, uint attachType, uint flags)
    {
        var attributes = new LinkCreateAttributes { ProgramFd = program, Target = target, AttachType = attachType, Flags = flags };
        return Call(BpfCommand.LinkCreate, ref attributes);
    }

    /// <summary>A descriptor that reads what an iterator prints; every one starts at the beginning.</summary>
    public static int IteratorCreate(int link)
    {
        var attributes = new IteratorCreateAttributes { LinkFd = link };
        return Call(BpfCommand.IteratorCreate, ref attributes);
    }

    /// <summary>Attaches without a link: the program stays until it is detached or the target goes.</summary>
    public static int ProgramAttach(BpfCommand command, int program, int target, uint attachType)
    {
        var attributes = new ProgramAttachAttributes { Target = target, ProgramFd = program, AttachType = attachType };
        return Call(command, ref attributes);
    }

    /// <summary>A name as the kernel accepts it: at most 15 of letters, digits, <c>_</c> and <c>.</c>; other characters become <c>_</c>.</summary>
    public static ObjectName KernelName(string name)
    {
        ObjectName result = default;
        Span<byte> bytes = result;
        for (int i = 0; i < Math.Min(name.Length, 15); i++)
        {
            bytes[i] = char.IsAsciiLetterOrDigit(name[i]) || name[i] is '_' or '.' ? (byte)name[i] : (byte)'_';
        }

        return result;
    }

    public static string Text(in ObjectName name)
    {
        ReadOnlySpan<byte> bytes = name;
        int end = bytes.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]);
    }

    internal static byte[] Terminated(string text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}
