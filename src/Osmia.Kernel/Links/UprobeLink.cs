using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>User functions through the kernel's <c>uprobe</c> event source: an offset in a file, in one process or in all.</summary>
internal static unsafe class UprobeLink
{
    public static KernelLink Attach(KernelProgram program, UprobeTarget target)
    {
        string path = BinaryPath.Resolve(target.Path, target.Pid)
            ?? throw KernelLink.Refused(program, target, "open", -Errno.ENOENT, $"there is no file '{target.Path}' here, in PATH or among the shared libraries",
                "give the full path of the binary or library", "OSM5031");
        ulong offset = target.Symbol is null ? target.Offset : Locate(program, target, path) + target.Offset;
        fixed (byte* name = BpfSyscall.Terminated(path))
        {
            PerfEventAttributes attributes = ProbeSource.Describe(program, target, "uprobe", target.IsReturn, (ulong)name, offset);
            int pid = target.Pid > 0 ? target.Pid : -1;
            return new KernelLink(program, target, PerfLinks.Open(program, target, ref attributes, pid, cpu: pid > 0 ? -1 : 0,
                $"offset 0x{offset:x} of {path} is not in its code, or no instruction starts there"));
        }
    }

    private static ulong Locate(KernelProgram program, UprobeTarget target, string path)
    {
        try
        {
            using ElfSymbols symbols = ElfSymbols.Open(path);
            return symbols.FindOffset(target.Symbol!)
                ?? throw KernelLink.Refused(program, target, "open", -Errno.ENOENT, $"{path} has no function '{target.Symbol}' in its {(symbols.HasSymbols ? "symbol tables" : "file: it has no symbol tables")}",
                    NearestNames.Suggest(target.Symbol!, symbols.FunctionNames()) ?? "use a binary that is not stripped, or give a file offset", "OSM5035");
        }
        catch (InvalidDataException e)
        {
            throw KernelLink.Refused(program, target, "open", -Errno.EINVAL, $"{path}: {e.Message}", "give a 64-bit ELF binary or shared library", "OSM5035");
        }
    }
}
