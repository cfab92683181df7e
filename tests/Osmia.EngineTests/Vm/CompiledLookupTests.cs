using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>A program finds in a map what is there, in whichever way a lookup was compiled, for keys of every size.</summary>
public class CompiledLookupTests
{
    private const int Keys = 60;
    private const int Lookups = 200;
    private const uint NoPreallocation = 1;

    private static readonly (VmTier Tier, VmMode Mode)[] s_ways =
    [
        (VmTier.Interpreter, VmMode.Checked), (VmTier.Interpreter, VmMode.Verified), (VmTier.Il, VmMode.Checked), (VmTier.Il, VmMode.Metered), (VmTier.Il, VmMode.Verified),
        (VmTier.X64, VmMode.Checked), (VmTier.X64, VmMode.Metered), (VmTier.X64, VmMode.Verified),
    ];

    [Theory]
    [InlineData(MapType.Hash, 20)]
    [InlineData(MapType.PercpuHash, 9)]
    [InlineData(MapType.LruHash, 9)]
    public void A_key_of_any_size_is_found(MapType type, uint longest)
    {
        for (uint size = 1; size <= longest; size++)
        {
            var random = new Random((int)(100 + size));
            var known = new Dictionary<string, uint>();
            var keys = new List<byte[]>();
            for (uint i = 1; i <= Keys; i++)
            {
                byte[] key = Few(random, (int)size);
                known[Convert.ToHexString(key)] = i;
                keys.Add(key);
            }

            Try(TestPrograms.Map(0, type, size, 4, Keys * 2), keys.Zip(Enumerable.Range(1, Keys).Select(i => (uint)i)), random, key => known.GetValueOrDefault(Convert.ToHexString(key)));
        }
    }

    [Fact]
    public void The_longest_prefix_of_data_of_any_size_is_found()
    {
        for (uint size = 1; size <= 20; size++)
        {
            var random = new Random((int)(200 + size));
            var known = new List<(byte[] Key, uint Value)>();
            for (uint i = 1; i <= Keys; i++)
            {
                known.Add((Prefix(random, (int)size, random.Next(((int)size * 8) + 1)), i));
            }

            Try(TestPrograms.Map(0, MapType.LpmTrie, 4 + size, 4, Keys, NoPreallocation), known, random, key => Longest(known, key), prefixes: true);
        }
    }

    private static void Try(LinkedMap map, IEnumerable<(byte[] Key, uint Value)> elements, Random random, Func<byte[], uint> expected, bool prefixes = false)
    {
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program(LookUp((int)map.KeySize), ProgramType.Xdp)], map) with { License = "GPL" };
        byte[][] asked = [.. Enumerable.Range(0, Lookups).Select(_ => prefixes ? Prefix(random, (int)map.KeySize - 4, random.Next(4) == 0 ? random.Next((int)map.KeySize * 8) : ((int)map.KeySize - 4) * 8) : Few(random, (int)map.KeySize))];
        foreach ((VmTier tier, VmMode mode) in s_ways)
        {
            using var engine = new VmEngine(new VmOptions { Tier = tier, Slots = 3, Mode = mode == VmMode.Verified ? VmMode.Checked : mode });
            using LoadedObject loaded = mode == VmMode.Verified ? engine.LoadVerified(linked, [Prove(linked, engine)]) : engine.Load(linked, LoadOptions.Default);
            Map live = loaded.Maps[0];
            foreach ((byte[] key, uint value) in elements)
            {
                byte[] values = new byte[live.ValueBufferSize];
                for (int at = 0; at < values.Length; at += live.ValuesPerKey == 1 ? values.Length : live.ValueStride)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(values.AsSpan(at), value);
                }

                live.Update(key, values);
            }

            using PacketSession session = ((VmProgram)loaded.Programs[0]).OpenPackets();
            foreach (byte[] key in asked)
            {
                byte[] frame = new byte[Math.Max(64, key.Length)];
                key.CopyTo(frame, 0);
                Assert.True(expected(key) == session.Judge(frame), $"{tier}, {mode}: {live.Definition.Type} with key {Convert.ToHexString(key)} of seed {(prefixes ? 200 + key.Length - 4 : 100 + key.Length)}");
            }
        }
    }

    /// <summary>The key is the beginning of the packet; the result is the value, or 0.</summary>
    private static string LookUp(int size)
    {
        var text = new StringBuilder("r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4); r0 = 77; r4 = r2; r4 += 64; if r4 > r3 goto done; ");
        for (int i = 0; i < size; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"r5 = *(u8 *)(r2 + {i}); *(u8 *)(r10 - {32 - i}) = r5; ");
        }

        return text.Append("r1 = map[0]; r2 = r10; r2 += -32; call map_lookup_elem; if r0 == 0 goto done; r0 = *(u32 *)(r0 + 0); done: exit").ToString();
    }

    /// <summary>Few different ones, which differ in any byte.</summary>
    private static byte[] Few(Random random, int size)
    {
        byte[] key = new byte[size];
        for (int i = random.Next(2); i < 2; i++)
        {
            key[random.Next(size)] = (byte)(random.Next(4) * 85);
        }

        return key;
    }

    private static byte[] Prefix(Random random, int size, int length)
    {
        byte[] key = new byte[4 + size];
        Few(random, size).CopyTo(key, 4);
        BinaryPrimitives.WriteInt32LittleEndian(key, length);
        return key;
    }

    private static uint Longest(List<(byte[] Key, uint Value)> known, byte[] key)
    {
        int limit = LengthOf(key);
        return limit > (key.Length - 4) * 8
            ? 0
            : known.Where(one => LengthOf(one.Key) <= limit && Enumerable.Range(0, LengthOf(one.Key)).All(bit => Bit(one.Key, bit) == Bit(key, bit)))
                .Select((one, order) => (Length: LengthOf(one.Key), Order: order, one.Value)).OrderByDescending(one => one.Length).ThenByDescending(one => one.Order).FirstOrDefault().Value;

        static int LengthOf(byte[] key) => BinaryPrimitives.ReadInt32LittleEndian(key);
        static int Bit(byte[] key, int bit) => key[4 + (bit / 8)] >> (7 - (bit % 8)) & 1;
    }

    private static VerifiedProgram Prove(LinkedObject linked, VmEngine engine) =>
        VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out VerificationReport report) ?? throw new InvalidOperationException(report.Problem?.Message);
}
