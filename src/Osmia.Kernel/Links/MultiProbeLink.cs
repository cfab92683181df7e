using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Many functions by one bpf_link: of the kernel (Linux 5.18, sessions 6.10), of a binary (6.6, sessions 6.13).</summary>
internal static unsafe class MultiProbeLink
{
    private const uint ReturnFlag = 1;

    public static KernelLink Attach(KernelProgram program, MultiProbeTarget target) => target.Path is null ? AttachKernel(program, target) : AttachBinary(program, target, target.Path);

    private static KernelLink AttachKernel(KernelProgram program, MultiProbeTarget target)
    {
        byte[][] names = [.. KernelFunctions(program, target).Select(BpfSyscall.Terminated)];
        GCHandle[] pins = [.. names.Select(name => GCHandle.Alloc(name, GCHandleType.Pinned))];
        try
        {
            ulong[] addresses = [.. pins.Select(pin => (ulong)pin.AddrOfPinnedObject())];
            fixed (ulong* symbols = addresses)
            {
                var attributes = new LinkCreateAttributes
                {
                    ProgramFd = program.Handle.Descriptor,
                    AttachType = (uint)(target.IsSession ? AttachType.TraceKprobeSession : AttachType.TraceKprobeMulti),
                    KprobeFlags = target.IsReturn && !target.IsSession ? ReturnFlag : 0,
                    KprobeCount = (uint)names.Length,
                    KprobeSymbols = (ulong)symbols,
                };
                return Create(program, target, ref attributes, "the kernel is older than this kind of link, or was built without CONFIG_FPROBE");
            }
        }
        finally
        {
            foreach (GCHandle pin in pins)
            {
                pin.Free();
            }
        }
    }

    private static KernelLink AttachBinary(KernelProgram program, MultiProbeTarget target, string wanted)
    {
        string path = BinaryPath.Resolve(wanted, target.Pid)
            ?? throw KernelLink.Refused(program, target, "open", -Errno.ENOENT, $"there is no file '{wanted}' here, in PATH or among the shared libraries", "give the full path of the binary or library", "OSM5031");
        ulong[] offsets = [.. Offsets(program, target, path)];
        fixed (byte* name = BpfSyscall.Terminated(path))
        fixed (ulong* places = offsets)
        {
            var attributes = new LinkCreateAttributes
            {
                ProgramFd = program.Handle.Descriptor,
                AttachType = (uint)(target.IsSession ? AttachType.TraceUprobeSession : AttachType.TraceUprobeMulti),
                UprobePath = (ulong)name,
                UprobeOffsets = (ulong)places,
                UprobeCount = (uint)offsets.Length,
                UprobeFlags = target.IsReturn && !target.IsSession ? ReturnFlag : 0,
                UprobePid = target.Pid > 0 ? target.Pid : 0,
            };
            return Create(program, target, ref attributes, "the kernel is older than this kind of link, or the program was loaded for plain uprobes");
        }
    }

    private static KernelLink Create(KernelProgram program, MultiProbeTarget target, ref LinkCreateAttributes attributes, string whyInvalid)
    {
        int fd = BpfSyscall.Call(BpfCommand.LinkCreate, ref attributes);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EINVAL or Errno.EOPNOTSUPP => (whyInvalid, "attach to one function with kprobe or uprobe"),
            Errno.ESRCH when target.Path is null => ("one of the functions cannot be traced", (string?)null),
            Errno.ESRCH => ($"there is no process {target.Pid}", null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.PerfMon]);
    }

    private static string[] KernelFunctions(KernelProgram program, MultiProbeTarget target)
    {
        if (!IsPattern(target.Pattern))
        {
            return [target.Pattern];
        }

        Regex pattern = Pattern(target.Pattern);
        string list = $"{Tracefs.Root}/available_filter_functions";
        string[] found;
        try
        {
            // "name" or "name [module]".
            found = [.. File.ReadLines(list).Select(line => line.Split(' ', 2)[0]).Where(name => pattern.IsMatch(name)).Distinct()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw KernelLink.Refused(program, target, "open", -Errno.EPERM, $"{list}, which says which functions can be traced, cannot be read: {e.Message}", "mount tracefs, or give one name without * and ?", "OSM5031");
        }

        return found.Length > 0 ? found : throw KernelLink.Refused(program, target, "open", -Errno.ENOENT, $"no function of the kernel that can be traced matches '{target.Pattern}'", null, "OSM5035");
    }

    private static List<ulong> Offsets(KernelProgram program, MultiProbeTarget target, string path)
    {
        try
        {
            using ElfSymbols symbols = ElfSymbols.Open(path);
            Regex pattern = Pattern(target.Pattern);
            var offsets = new List<ulong>(symbols.Functions().Where(function => pattern.IsMatch(function.Name)).Select(function => function.Offset).Distinct());
            return offsets.Count > 0 ? offsets : throw KernelLink.Refused(program, target, "open", -Errno.ENOENT, $"no function of {path} matches '{target.Pattern}'",
                NearestNames.Suggest(target.Pattern, symbols.FunctionNames()), "OSM5035");
        }
        catch (InvalidDataException e)
        {
            throw KernelLink.Refused(program, target, "open", -Errno.EINVAL, $"{path}: {e.Message}", "give a 64-bit ELF binary or shared library", "OSM5035");
        }
    }

    private static bool IsPattern(string text) => text.AsSpan().IndexOfAny('*', '?') >= 0;

    private static Regex Pattern(string text)
    {
        var expression = new StringBuilder("^");
        foreach (char c in text)
        {
            expression.Append(c switch
            {
                '*' => ".*",
                '?' => ".",
                _ => Regex.Escape(c.ToString()),
            });
        }

        return new Regex(expression.Append('$').ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
    }
}
