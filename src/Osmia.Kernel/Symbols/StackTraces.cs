using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Symbols;

/// <summary>
/// Stacks that programs have taken: from a map of stack traces (BPF_MAP_TYPE_STACK_TRACE, Linux 4.6) by the number that bpf_get_stackid gave, and from the bytes that
/// bpf_get_stack left in a record. The innermost function comes first.
/// </summary>
public sealed class StackTraces
{
    // BPF_F_STACK_BUILD_ID: places in files instead of addresses.
    private const uint BuildIdFlag = 1 << 5;
    private const int BuildIdEntry = 32;
    private const int BuildIdOffset = 4;
    private const int BuildIdLength = 20;
    private const int PlaceOffset = 24;
    private const int ValidBuildId = 1;
    private const int OnlyAddress = 2;

    private readonly KernelMap _map;
    private readonly KernelSymbolizer _symbols;
    private readonly bool _hasBuildIds;

    /// <exception cref="UnsupportedFeatureException">OSM5015: the map holds no stacks.</exception>
    public StackTraces(KernelMap map, KernelSymbolizer symbols)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(symbols);
        if (map.Type != MapType.StackTrace)
        {
            throw Refusal.Unsupported("OSM5015", $"map '{map.Name}' ({map.Type.ToKernelName()}) holds no stacks", $"stacks of {map.Type.ToKernelName()}", "only a stack_trace map does",
                "read its elements as they are");
        }

        _map = map;
        _symbols = symbols;
        _hasBuildIds = (map.Definition.Flags & BuildIdFlag) != 0;
    }

    /// <summary>The functions of a stack of the kernel.</summary>
    /// <param name="id">What bpf_get_stackid returned; a negative one is an error of that helper and has no stack.</param>
    /// <returns>Empty when there is no such stack, or another took its place.</returns>
    public IReadOnlyList<string> Kernel(int id) => [.. Addresses(id).Select(address => Name(_symbols.Kernel(address), address))];

    /// <summary>The functions of a stack of a process, which should still run: its memory map says which files its code comes from.</summary>
    public IReadOnlyList<string> User(int id, int pid)
    {
        if (!_hasBuildIds)
        {
            return [.. Addresses(id).Select(address => Name(_symbols.User(pid, address), address))];
        }

        var names = new List<string>();
        ReadOnlySpan<byte> rest = Value(id);
        for (; rest.Length >= BuildIdEntry && BinaryPrimitives.ReadInt32LittleEndian(rest) is var status and not 0; rest = rest[BuildIdEntry..])
        {
            ulong place = BinaryPrimitives.ReadUInt64LittleEndian(rest[PlaceOffset..]);
            names.Add(status switch
            {
                ValidBuildId => _symbols.File(Convert.ToHexStringLower(rest.Slice(BuildIdOffset, BuildIdLength)), place),
                OnlyAddress => Name(_symbols.User(pid, place), place),
                _ => throw new InvalidDataException($"map '{_map.Name}': stack {id} has an entry of the unknown kind {status}"),
            });
        }

        return names;
    }

    /// <summary>The addresses of a stack; empty when there is none.</summary>
    public ulong[] Addresses(int id) => Addresses(Value(id));

    /// <summary>The addresses in what bpf_get_stack or a stack map wrote: up to the first 0.</summary>
    /// <param name="stack">Its return value says how many bytes of the room it filled.</param>
    public static ulong[] Addresses(ReadOnlySpan<byte> stack)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(stack[..(stack.Length & ~7)]);
        int end = words.IndexOf(0ul);
        return (end < 0 ? words : words[..end]).ToArray();
    }

    private byte[] Value(int id)
    {
        byte[] key = new byte[sizeof(int)];
        byte[] value = new byte[_map.ValueSize];
        BinaryPrimitives.WriteInt32LittleEndian(key, id);
        return id >= 0 && _map.TryLookup(key, value) ? value : [];
    }

    private static string Name(string? name, ulong address) => name ?? $"0x{address:x}";
}
