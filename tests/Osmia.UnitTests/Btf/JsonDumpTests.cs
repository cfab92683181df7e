using System.Text.Json;
using System.Text.Json.Nodes;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Objects;
using Osmia.Tests.Objects;

namespace Osmia.Tests.Btf;

public class JsonDumpTests
{
    [Fact]
    public void Types_have_bpftools_keys_and_values()
    {
        Toolchain.Require("bpftool");
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "types.btf");
        foreach (BtfTypes types in (BtfTypes[])[BtfBuilderTests.EveryKind().Build(), BtfSamples.Kinds, .. SampleObjects.Names.Select(row => BpfObject.Read(SampleObjects.PathOf(row)).Types!)])
        {
            File.WriteAllBytes(file, types.Data.ToArray());
            JsonNode expected = JsonNode.Parse(ReferenceTool.RunForBytes("bpftool", "-j", "btf", "dump", "file", file))!;
            JsonNode actual = JsonNode.Parse(Dump(types))!;
            JsonArray theirs = expected["types"]!.AsArray();
            JsonArray ours = actual["types"]!.AsArray();
            Assert.Equal(theirs.Count, ours.Count);
            for (int i = 0; i < theirs.Count; i++)
            {
                Assert.Equal(Values(theirs[i]!), Values(ours[i]!));
            }
        }
    }

    /// <summary>bpftool writes unsigned 32-bit enumerators above 2^31 as 64-bit numbers with the sign extended.</summary>
    private static string Values(JsonNode type)
    {
        if (type["kind"]!.GetValue<string>() == "ENUM")
        {
            foreach (JsonNode? value in type["values"]!.AsArray())
            {
                if (value!["val"]!.ToString() is var text && ulong.TryParse(text, out ulong number) && number > uint.MaxValue)
                {
                    value["val"] = (uint)number;
                }
            }
        }

        return type.ToJsonString();
    }

    private static byte[] Dump(BtfTypes types)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
        {
            JsonDump.Write(types, json);
        }

        return output.ToArray();
    }
}
