using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>
/// A case of maps.data: a map and what is done with it, by the host (<c>host</c>) and by programs (<c>prog</c>), each line with its result behind
/// <c>=></c>. Numbers are written as many bytes as the map has; <c>N:A.B.C.D</c> is a key of a trie, <c>x..</c> bytes in hex.
/// </summary>
internal sealed record MapCase(string Name, string[] Definition, string[] Lines)
{
    private const int OutputSize = 256;

    public static IEnumerable<MapCase> ReadAll(string path)
    {
        string name = "";
        var lines = new List<string>();
        foreach (string line in File.ReadLines(path).Where(line => line.Length > 0 && line[0] != '#').Append("== "))
        {
            if (!line.StartsWith("== ", StringComparison.Ordinal))
            {
                lines.Add(line);
                continue;
            }

            if (lines.Count > 0)
            {
                yield return new MapCase(name, lines[0].Split(' ')[1..], [.. lines.Skip(1)]);
            }

            name = line[3..];
            lines.Clear();
        }
    }

    /// <summary>The map, an array that takes what programs find, and a program for each line that begins with <c>prog</c>.</summary>
    public LinkedObject ToObject()
    {
        LinkedMap map = HelperCase.MapOf(0, Definition);
        LinkedMap output = TestPrograms.Map(1, MapType.Array, 4, OutputSize, 1);
        LinkedProgram[] programs = [.. Lines.Select((line, index) => (line, index)).Where(pair => pair.line.StartsWith("prog ", StringComparison.Ordinal))
            .Select(pair => TestPrograms.Program(Assemble(map, Words(pair.line)[1..]), ProgramType.SchedCls, $"p{pair.index}"))];
        return TestPrograms.Object(programs, map, output) with { License = "GPL" };
    }

    /// <summary>Does what the lines say; gives them back with what came of it.</summary>
    public string Run(LoadedObject loaded)
    {
        var text = new StringBuilder();
        for (int i = 0; i < Lines.Length; i++)
        {
            string[] words = Words(Lines[i]);
            string result = words[0] == "prog" ? RunProgram(loaded, loaded.Program($"p{i}")) : Operate(loaded.Maps[0], words[1..]);
            text.Append(CultureInfo.InvariantCulture, $"{string.Join(' ', words)} => {result}\n");
        }

        return text.ToString();
    }

    public string Expected => string.Concat(Lines.Select(line => line + "\n"));

    private static string[] Words(string line) => line.Split(" => ")[0].Split(' ');

    private static string RunProgram(LoadedObject loaded, LoadedProgram program)
    {
        byte[] output = new byte[OutputSize];
        loaded.Maps[1].Update(new byte[4], output);
        program.Run(new ProgramRun { Data = new byte[64] });
        Assert.True(loaded.Maps[1].TryLookup(new byte[4], output));
        long result = BinaryPrimitives.ReadInt64LittleEndian(output);
        int size = (int)BinaryPrimitives.ReadInt64LittleEndian(output.AsSpan(8));
        return size == 0 ? NameOf((int)result) : $"{(result == 0 ? "" : NameOf((int)result) + " ")}{Show(output.AsSpan(16, size))}";
    }

    private static string Operate(Map map, string[] words)
    {
        byte[] value = new byte[map.ValueBufferSize];
        try
        {
            switch (words[0])
            {
                case "lookup":
                    return map.TryLookup(Key(map, words, 1), value) ? ShowAny(map, value) : "none";
                case "take":
                    return map.TryTake(Key(map, words, 1), value) ? ShowAny(map, value) : "none";
                case "update":
                    int at = map.KeySize == 0 ? 1 : 2;
                    byte[] one = Bytes(words[at], map.ValueSize);
                    for (int cpu = 0; cpu < map.ValuesPerKey; cpu++)
                    {
                        one.CopyTo(value, cpu * map.ValueStride);
                    }

                    map.Update(Key(map, words, 1), value, (UpdateMode)(words.Length > at + 1 ? ulong.Parse(words[at + 1], CultureInfo.InvariantCulture) : 0));
                    return "0";
                case "delete":
                    return map.Delete(Key(map, words, 1)) ? "0" : "ENOENT";
                case "next":
                    byte[] next = new byte[map.KeySize];
                    return map.TryNextKey(words.Length > 1 ? Key(map, words, 1) : [], next) ? Show(next) : "none";
                case "count":
                    return Count(map).ToString(CultureInfo.InvariantCulture);
                case "readbatch":
                    return ReadBatch(map, int.Parse(words[1], CultureInfo.InvariantCulture), words.Contains("remove"));
                case "updatebatch":
                    return UpdateBatch(map, words[1..]);
                case "deletebatch":
                    byte[] keys = [.. words.Skip(1).SelectMany(word => Bytes(word, map.KeySize))];
                    bool isDone = map.DeleteBatch(keys, out int deleted);
                    return $"{(isDone ? "0" : "ENOENT")} {deleted}";
                default:
                    throw new InvalidOperationException($"no operation '{words[0]}'");
            }
        }
        catch (BpfException refusal) when (ErrnoOf(refusal) is { } errno)
        {
            return NameOf(-errno);
        }
    }

    private static int Count(Map map)
    {
        byte[] key = new byte[map.KeySize];
        ReadOnlySpan<byte> previous = default;
        int count = 0;
        while (map.TryNextKey(previous, key))
        {
            previous = key.ToArray();
            count++;
        }

        return count;
    }

    private static string ReadBatch(Map map, int size, bool removes)
    {
        var cursor = new MapCursor(map);
        var found = new List<string>();
        byte[] keys = new byte[size * map.KeySize];
        byte[] values = new byte[size * map.ValueBufferSize];
        while (!cursor.IsAtEnd)
        {
            int count = map.ReadBatch(cursor, keys, values, removes);
            for (int i = 0; i < count; i++)
            {
                found.Add($"{Show(keys.AsSpan(i * map.KeySize, map.KeySize))}:{ShowAny(map, values.AsSpan(i * map.ValueBufferSize, map.ValueBufferSize))}");
            }
        }

        return string.Join(' ', found.Order(StringComparer.Ordinal));
    }

    private static string UpdateBatch(Map map, string[] pairs)
    {
        byte[] keys = [.. pairs.SelectMany(pair => Bytes(pair.Split('=')[0], map.KeySize))];
        byte[] values = [.. pairs.SelectMany(pair => Enumerable.Range(0, map.ValuesPerKey).SelectMany(_ =>
        {
            byte[] slot = new byte[map.ValueStride];
            Bytes(pair.Split('=')[1], map.ValueSize).CopyTo(slot, 0);
            return slot;
        }))];
        int done = 0;
        try
        {
            map.UpdateBatch(keys, values, out done);
            return $"0 {done}";
        }
        catch (BpfException refusal) when (ErrnoOf(refusal) is { } errno)
        {
            return $"{NameOf(-errno)} {done}";
        }
    }

    private static byte[] Key(Map map, string[] words, int at) => map.KeySize == 0 ? [] : Bytes(words[at], map.KeySize);

    private static byte[] Bytes(string word, int size)
    {
        byte[] bytes = new byte[size];
        int colon = word.IndexOf(':', StringComparison.Ordinal);
        if (word[0] == 'x')
        {
            Convert.FromHexString(word[1..]).CopyTo(bytes, 0);
        }
        else if (colon > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, uint.Parse(word[..colon], CultureInfo.InvariantCulture));
            word[(colon + 1)..].Split('.').Select(part => byte.Parse(part, CultureInfo.InvariantCulture)).ToArray().CopyTo(bytes, 4);
        }
        else
        {
            BitConverter.GetBytes(long.Parse(word, CultureInfo.InvariantCulture)).AsSpan(0, Math.Min(size, 8)).CopyTo(bytes);
        }

        return bytes;
    }

    private static string Show(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > 8)
        {
            return "x" + Convert.ToHexStringLower(bytes);
        }

        Span<byte> wide = stackalloc byte[8];
        wide.Clear();
        bytes.CopyTo(wide);
        return BinaryPrimitives.ReadInt64LittleEndian(wide).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Of a per-CPU value the first that is not 0: a program writes on some CPU.</summary>
    private static string ShowAny(Map map, ReadOnlySpan<byte> values)
    {
        string shown = "";
        for (int cpu = 0; cpu < map.ValuesPerKey && (shown is "" or "0"); cpu++)
        {
            shown = Show(values.Slice(cpu * map.ValueStride, map.ValueSize));
        }

        return shown;
    }

    private static int? ErrnoOf(BpfException refusal) => refusal switch
    {
        MapException map => map.Errno,
        KernelException kernel => kernel.Errno,

        // The kernel's ENOTSUPP, foreseen from the table of map types, which is compared with the kernel elsewhere.
        UnsupportedFeatureException { Id: "OSM5019" } => 524,
        UnsupportedFeatureException => 95,
        _ => null,
    };

    private static string NameOf(int result) => result switch
    {
        0 => "0",
        -1 => "EPERM",
        -2 => "ENOENT",
        -7 => "E2BIG",
        -11 => "EAGAIN",
        -12 => "ENOMEM",
        -16 => "EBUSY",
        -17 => "EEXIST",
        -22 => "EINVAL",
        -28 => "ENOSPC",
        -75 => "EOVERFLOW",
        -95 => "EOPNOTSUPP",
        -524 => "ENOTSUPP",
        _ => result.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>r0 goes to the output, behind it how many bytes were found, then those.</summary>
    private static string Assemble(LinkedMap map, string[] words)
    {
        int keySize = (int)map.KeySize;
        int valueSize = (int)map.ValueSize;
        int keyAt = -((keySize + 7) & ~7);
        int valueAt = keyAt - ((valueSize + 7) & ~7);
        var code = new StringBuilder();
        string Stack(int at) => $"r10; r{{0}} += {at}";
        void Put(int at, byte[] bytes)
        {
            for (int i = 0; i < bytes.Length; i++)
            {
                code.Append(CultureInfo.InvariantCulture, $"*(u8 *)(r10 - {-(at + i)}) = {bytes[i]}\n");
            }
        }

        string Point(int register, int at) => $"r{register} = {string.Format(CultureInfo.InvariantCulture, Stack(at), register)}\n";
        bool isFound = false;
        ulong Flags(int at) => words.Length > at ? ulong.Parse(words[at], CultureInfo.InvariantCulture) : 0;
        switch (words[0])
        {
            case "lookup":
                Put(keyAt, Bytes(words[1], keySize));
                code.Append($"r1 = map[0]\n{Point(2, keyAt)}call map_lookup_elem\n");
                isFound = true;
                break;
            case "percpu":
                Put(keyAt, Bytes(words[1], keySize));
                code.Append($"r1 = map[0]\n{Point(2, keyAt)}r3 = {words[2]}\ncall map_lookup_percpu_elem\n");
                isFound = true;
                break;
            case "update":
                Put(keyAt, Bytes(words[1], keySize));
                Put(valueAt, Bytes(words[2], valueSize));
                code.Append($"r1 = map[0]\n{Point(2, keyAt)}{Point(3, valueAt)}r4 = {Flags(3)}\ncall map_update_elem\n");
                break;
            case "delete":
                Put(keyAt, Bytes(words[1], keySize));
                code.Append($"r1 = map[0]\n{Point(2, keyAt)}call map_delete_elem\n");
                break;
            case "push":
                Put(valueAt, Bytes(words[1], valueSize));
                code.Append($"r1 = map[0]\n{Point(2, valueAt)}r3 = {Flags(2)}\ncall map_push_elem\n");
                break;
            case "pop" or "peek":
                Put(valueAt, Bytes(words.Length > 1 ? words[1] : "0", valueSize));
                code.Append($"r1 = map[0]\n{Point(2, valueAt)}call map_{words[0]}_elem\n");
                break;
            default:
                throw new InvalidOperationException($"no operation '{words[0]}'");
        }

        code.Append("r6 = map[1][0]\n");
        if (isFound)
        {
            code.Append("if r0 != 0 goto found\n*(u64 *)(r6 + 0) = -2\nr0 = 0\nexit\nfound:\n");
            Copy("r0", 0);
        }
        else
        {
            code.Append("*(u64 *)(r6 + 0) = r0\n");
            if (words[0] is "pop" or "peek" && map.Type != MapType.BloomFilter)
            {
                Copy("r10", valueAt);
            }
        }

        code.Append("r0 = 0\nexit\n");
        return code.ToString();

        void Copy(string from, int at)
        {
            code.Append(CultureInfo.InvariantCulture, $"*(u64 *)(r6 + 8) = {valueSize}\n");
            for (int i = 0; i < valueSize; i++)
            {
                string sign = at + i < 0 ? "-" : "+";
                code.Append(CultureInfo.InvariantCulture, $"r1 = *(u8 *)({from} {sign} {Math.Abs(at + i)})\n*(u8 *)(r6 + {16 + i}) = r1\n");
            }
        }
    }
}
