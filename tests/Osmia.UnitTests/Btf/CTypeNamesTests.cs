using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;

namespace Osmia.Tests.Btf;

public class CTypeNamesTests
{
    [Fact]
    public void Every_type_of_the_sample_has_its_name_in_C()
    {
        BtfTypes types = BtfSamples.Kinds;
        var text = new StringBuilder();
        for (int id = 1; id < types.Count; id++)
        {
            text.Append($"{types[id].Kind.ToKernelName()}\t{CTypeNames.NameOf(types, new TypeId(id))}\n");
        }

        BtfType all = types[types.Find(BtfKind.Struct, "all")];
        for (int i = 0; i < all.Count; i++)
        {
            text.Append($"member\t{CTypeNames.Declare(types, all.Member(i).Type, all.MemberName(i))}\n");
        }

        GoldenFile.Check(text.ToString(), "Btf", "names.txt");
    }
}
