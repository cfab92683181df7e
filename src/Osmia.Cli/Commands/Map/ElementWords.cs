using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects;

namespace Osmia.Cli.Commands.Maps;

/// <summary>
/// Keys and values on the command line: as many bytes as the map wants (bpftool's way), or text that the map's types
/// understand; for maps that hold maps, programs and cgroups, what they hold.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ElementWords(KernelMap map, MapInfo info)
{
    private static readonly string[] s_keywords = ["key", "value", "any", "exist", "noexist"];

    private readonly Lazy<BtfTypes?> _types = new(() => MapTypes.Of(info));

    public byte[] Key(WordReader words) => Bytes(words, "key", map.KeySize, info.KeyType);

    /// <summary>One value; of a per-CPU map the same for every CPU.</summary>
    /// <param name="held">What must stay open until the value was written; null when it is bytes.</param>
    public byte[] Value(WordReader words, out IDisposable? held)
    {
        held = null;
        if (map.Type is MapType.ArrayOfMaps or MapType.HashOfMaps && MapReference(words, ref held) is { } inner)
        {
            return inner;
        }

        if (map.Type == MapType.ProgArray && ProgramReference(words, ref held) is { } program)
        {
            return program;
        }

        return PerCpuValue.ForAll(map, Bytes(words, "value", map.ValueSize, info.ValueType));
    }

    private static byte[]? MapReference(WordReader words, ref IDisposable? held)
    {
        if (!(words.IsNext("id") || words.IsNext("name") || words.IsNext("pinned")))
        {
            return null;
        }

        KernelMap inner = MapWords.Open(words);
        held = inner;
        return Descriptor(inner.Handle, sizeof(int));
    }

    private static byte[]? ProgramReference(WordReader words, ref IDisposable? held)
    {
        if (!ProgramWords.IsNext(words))
        {
            return null;
        }

        KernelProgram program = ProgramWords.Open(words);
        held = program;
        return Descriptor(program.Handle, sizeof(int));
    }

    private static byte[] Descriptor(BpfHandle handle, int size)
    {
        byte[] bytes = new byte[size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, handle.Descriptor);
        return bytes;
    }

    private byte[] Bytes(WordReader words, string what, int size, TypeId type)
    {
        List<string> given = words.Until(s_keywords);
        bool isHex = given is ["hex", ..];
        if (given.Count == 0)
        {
            throw new UsageException($"{words.Verb}: the {what} is missing");
        }

        if (isHex)
        {
            given.RemoveAt(0);
        }

        if (given.Count == size && given.TrueForAll(word => TryByte(word, isHex, out _)))
        {
            return [.. given.Select(word => TryByte(word, isHex, out byte value) ? value : (byte)0)];
        }

        string text = string.Join(' ', given);
        if (isHex || (given.Count > 1 && given.TrueForAll(word => TryByte(word, isHex: false, out _))))
        {
            return isHex && HexBytes.TryParse(text) is { } packed && packed.Length == size ? packed
                : throw RunErrors.BadElement(map.Name, what, $"it has {given.Count} bytes, the map's {what}s have {size}");
        }

        byte[] result = new byte[size];
        try
        {
            ValueText.Write(_types.Value, type, result, text);
        }
        catch (FormatException e)
        {
            throw RunErrors.BadElement(map.Name, what, e.Message);
        }

        return result;
    }

    /// <summary>As C reads numbers: 0x is hexadecimal, a leading zero octal.</summary>
    private static bool TryByte(string word, bool isHex, out byte value)
    {
        if (word.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return byte.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }

        return isHex ? byte.TryParse(word, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : byte.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
