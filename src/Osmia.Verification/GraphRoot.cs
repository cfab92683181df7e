using Osmia.Btf;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

/// <summary>What a list or tree of the program is made of.</summary>
/// <param name="Element">The structure its nodes are in, in the object's BTF.</param>
/// <param name="NodeOffset">Where in it the node stands.</param>
/// <remarks>The declaration tag <c>contains:STRUCT:MEMBER</c> on the root says so.</remarks>
internal sealed record GraphRoot(TypeId Element, int NodeOffset)
{
    private const string Tag = "contains:";

    /// <param name="holder">What the root is in: a structure, or the data section of global variables.</param>
    public static GraphRoot Of(BtfTypes types, TypeId holder, SpecialField root)
    {
        // Of a global variable the tag stands on the variable, of a member on the structure.
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType tag = types[id];
            if (tag.Kind != BtfKind.DeclarationTag || !tag.Name.StartsWith(Tag, StringComparison.Ordinal))
            {
                continue;
            }

            bool isOfMember = !root.Owner.IsVoid && tag.ReferencedId == root.Owner && tag.ComponentIndex == root.Member;
            bool isOfVariable = root.Owner.IsVoid && tag.ComponentIndex < 0 && IsVariable(types[holder], tag.ReferencedId, root);
            if (isOfMember || isOfVariable)
            {
                return Read(types, tag.Name[Tag.Length..], root);
            }
        }

        throw Stop.NotModelled("a list or tree of which no tag says what it contains");
    }

    private static bool IsVariable(BtfType section, TypeId variable, SpecialField root) =>
        section.Kind == BtfKind.DataSection && root.Member < section.Count && section.SectionVariable(root.Member).Type == variable;

    private static GraphRoot Read(BtfTypes types, string words, SpecialField root)
    {
        int colon = words.IndexOf(':', StringComparison.Ordinal);
        string node = root.Kind == SpecialKind.ListHead ? "bpf_list_node" : "bpf_rb_node";
        BtfType element = colon > 0 ? types[types.Find(BtfKind.Struct, words[..colon])] : default;
        for (int i = 0; i < element.Count; i++)
        {
            if (element.MemberName(i) == words[(colon + 1)..] && types.Resolve(element.Member(i).Type).Name == node)
            {
                return new GraphRoot(element.Id, element.Member(i).ByteOffset);
            }
        }

        throw Stop.Reject(CheckFamily.Encoding, $"'{words}' is no node of a structure of the object");
    }
}
