namespace Osmia.Btf.Writing;

/// <content>Functions, variables and data sections.</content>
public sealed partial class BtfBuilder
{
    public TypeId AddFunctionPrototype(TypeId result, params ReadOnlySpan<NamedParameter> parameters)
    {
        var words = new uint[3 + parameters.Length * 2];
        FillHeader(words, BtfKind.FunctionPrototype, 0, parameters.Length, 0, Number(result));
        for (int i = 0; i < parameters.Length; i++)
        {
            words[3 + i * 2] = AddString(parameters[i].Name);
            words[4 + i * 2] = Number(parameters[i].Type);
        }

        return Place(words);
    }

    public TypeId AddFunction(string name, TypeId prototype, BtfLinkage linkage) =>
        Add(BtfKind.Function, name, (uint)linkage & MaximumCount, Number(prototype));

    public TypeId AddVariable(string name, TypeId type, BtfLinkage linkage) =>
        Add(BtfKind.Variable, name, 0, Number(type), (uint)linkage);

    /// <summary>The variables of an ELF section (<c>.bss</c>, <c>.maps</c>, ...), each with its offset and size in bytes.</summary>
    /// <param name="size">Bytes; the kernel wants what the section has.</param>
    public TypeId AddDataSection(string name, uint size, params ReadOnlySpan<BtfSectionVariable> entries) =>
        Place(DataSection(AddString(name), size, entries));

    /// <summary>Gives a data section other variables and another size; it keeps its name.</summary>
    public void SetDataSection(TypeId id, uint size, params ReadOnlySpan<BtfSectionVariable> entries)
    {
        Require(id, BtfKind.DataSection);
        Replace(id, DataSection(_words[StartOf(id)], size, entries));
    }

    public void SetVariableLinkage(TypeId id, BtfLinkage linkage)
    {
        Require(id, BtfKind.Variable);
        _words[StartOf(id) + 3] = (uint)linkage;
    }

    public void SetFunctionLinkage(TypeId id, BtfLinkage linkage)
    {
        Require(id, BtfKind.Function);
        ref uint info = ref _words[StartOf(id) + 1];
        info = (info & ~(uint)MaximumCount) | ((uint)linkage & MaximumCount);
    }

    private static uint[] DataSection(uint name, uint size, ReadOnlySpan<BtfSectionVariable> entries)
    {
        var words = new uint[3 + entries.Length * 3];
        FillHeader(words, BtfKind.DataSection, name, entries.Length, 0, size);
        for (int i = 0; i < entries.Length; i++)
        {
            words[3 + i * 3] = Number(entries[i].Type);
            words[4 + i * 3] = entries[i].Offset;
            words[5 + i * 3] = entries[i].Size;
        }

        return words;
    }
}
