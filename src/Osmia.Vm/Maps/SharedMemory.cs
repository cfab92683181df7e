using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>What a shared map's file begins with: what it holds, and who uses it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SharedHeader
{
    public ulong Magic;
    public uint Version;
    public uint Type;
    public uint KeySize;
    public uint ValueSize;
    public uint MaxEntries;
    public uint Flags;

    /// <summary>CPUs of one process.</summary>
    public uint Slots;
    public uint Unused;
    public ulong Seed;
    public ulong Size;

    /// <summary>The processes that run programs over per-CPU values: each has its own CPUs.</summary>
    public fixed int Processes[SharedMemory.MaxProcesses];
}

/// <summary>
/// A file that holds a map for several processes, engines or runs of an application: a page with <see cref="SharedHeader"/>, then the map's memory. On
/// Linux a file below /dev/shm is memory and nothing else.
/// </summary>
/// <remarks>
/// The first to come makes it, under a lock of the file; those that follow must want the same map. What other processes write into it, values or
/// nonsense, leads no access out of the map's memory. They can stop this one, though: by a lock they never give back, and by cutting the file, for
/// which the operating system kills whoever touches the missing pages (SIGBUS). Give such files to processes you trust. Locks and CPUs tell processes by
/// their ids: all that share a file must be in one PID namespace.
/// </remarks>
internal sealed unsafe class SharedMemory : IDisposable
{
    public const int MaxProcesses = 16;

    private const ulong ExpectedMagic = 0x70616d616d736f01;
    private const uint ExpectedVersion = 1;
    private const int HeaderSize = 4096;

    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    private SharedMemory(MemoryMappedFile mapping, MemoryMappedViewAccessor view)
    {
        _mapping = mapping;
        _view = view;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _start = start;
    }

    /// <summary>The map's memory; zeros when nobody used it yet.</summary>
    public byte* Memory => _start + HeaderSize;

    public ulong Seed => Header->Seed;

    /// <summary>Which of the processes this engine is: its CPUs come after those of the ones before. -1 as long as it is none.</summary>
    public int Lane { get; private set; } = -1;

    private SharedHeader* Header => (SharedHeader*)_start;

    /// <exception cref="BpfException">The file is not to be had, or holds another map.</exception>
    public static SharedMemory Open(string path, LinkedMap map, ulong size, int slots, ulong seed)
    {
        try
        {
            using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
            using FileLock held = FileLock.Take(file);
            bool isNew = file.Length == 0;
            if (isNew)
            {
                long free = FreeBytes(path);
                if (free < HeaderSize + (long)size)
                {
                    throw Refuse(map, path, $"the map needs {HeaderSize + (long)size} bytes, and {free} are free there");
                }

                file.SetLength(HeaderSize + (long)size);
            }
            else if (file.Length < HeaderSize)
            {
                throw Refuse(map, path, $"it has {file.Length} bytes and no head of a map");
            }

            var mapping = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
            MemoryMappedViewAccessor view = mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.ReadWrite);
            var memory = new SharedMemory(mapping, view);
            try
            {
                var wanted = new SharedHeader
                {
                    Magic = ExpectedMagic,
                    Version = ExpectedVersion,
                    Type = (uint)map.Type,
                    KeySize = map.KeySize,
                    ValueSize = map.ValueSize,
                    MaxEntries = map.MaxEntries,
                    Flags = map.Flags,
                    Slots = (uint)slots,
                    Seed = seed,
                    Size = size,
                };
                if (isNew)
                {
                    *memory.Header = wanted;
                }
                else
                {
                    memory.Check(wanted, map, path, file.Length);
                }

                memory.TakeLane(map, path);
                return memory;
            }
            catch
            {
                memory.Dispose();
                throw;
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Refuse(map, path, fault.Message);
        }
    }

    /// <summary>A file may be made longer than there is room for; the process that touches a page for which there is none is killed.</summary>
    private static long FreeBytes(string path) =>
        OperatingSystem.IsWindows() ? long.MaxValue : new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace;

    public static Runtime.MapException Refuse(LinkedMap map, string path, string why) =>
        new(new Diagnostic(DiagnosticIds.SharedMap, $"map '{map.Name}' cannot be shared in {path}")
        {
            Why = why,
            Try = "share maps of type array, hash, percpu_array and ringbuf without locks, timers and pointers, with one definition in all processes; delete the file to begin anew",
        }, map.Name, Errno.Invalid);

    public void Dispose()
    {
        if (Lane >= 0 && Header->Magic == ExpectedMagic && Header->Processes[Lane] == Environment.ProcessId)
        {
            Volatile.Write(ref Header->Processes[Lane], 0);
        }

        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
    }

    private void Check(in SharedHeader wanted, LinkedMap map, string path, long length)
    {
        SharedHeader* found = Header;
        if (found->Magic != ExpectedMagic || found->Version != ExpectedVersion)
        {
            throw Refuse(map, path, "the file holds no map, or one of another version");
        }

        bool isSame = found->Type == wanted.Type && found->KeySize == wanted.KeySize && found->ValueSize == wanted.ValueSize && found->MaxEntries == wanted.MaxEntries
            && found->Flags == wanted.Flags && found->Slots == wanted.Slots && found->Size == wanted.Size && length >= HeaderSize + (long)wanted.Size;
        if (!isSame)
        {
            throw Refuse(map, path, $"the file holds a map of type {found->Type}, keys of {found->KeySize}, values of {found->ValueSize} bytes, {found->MaxEntries} entries, flags {found->Flags}, "
                + $"{found->Slots} slots; wanted is type {wanted.Type}, {wanted.KeySize}, {wanted.ValueSize}, {wanted.MaxEntries}, {wanted.Flags}, {wanted.Slots}");
        }
    }

    // The file is locked: nobody else takes one now.
    private void TakeLane(LinkedMap map, string path)
    {
        for (int lane = 0; lane < MaxProcesses; lane++)
        {
            int process = Header->Processes[lane];
            if (process == 0 || (process != Environment.ProcessId && !NativeGate.IsAlive(process)))
            {
                Header->Processes[lane] = Environment.ProcessId;
                Lane = lane;
                return;
            }
        }

        throw Refuse(map, path, $"{MaxProcesses} engines use it already");
    }

    /// <summary>The lock of a file: one process and one engine at a time.</summary>
    private sealed class FileLock : IDisposable
    {
        private const int Attempts = 2000;
        private static readonly Lock s_gate = new();
        private readonly FileStream _file;

        private FileLock(FileStream file) => _file = file;

        public static FileLock Take(FileStream file)
        {
            s_gate.Enter();
            for (int attempt = 0; ; attempt++)
            {
                try
                {
                    if (!OperatingSystem.IsMacOS())
                    {
                        file.Lock(0, 1);
                    }

                    return new FileLock(file);
                }
                catch (IOException) when (attempt < Attempts)
                {
                    Thread.Sleep(1);
                }
                catch
                {
                    s_gate.Exit();
                    throw;
                }
            }
        }

        public void Dispose()
        {
            try
            {
                if (!OperatingSystem.IsMacOS() && _file.SafeFileHandle is { IsClosed: false })
                {
                    _file.Unlock(0, 1);
                }
            }
            finally
            {
                s_gate.Exit();
            }
        }
    }
}
