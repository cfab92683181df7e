using Osmia.Btf;

namespace Osmia.Kernel.Features;

/// <summary>The values that one enumeration has in the running kernel's types.</summary>
internal sealed class KernelEnumeration
{
    private readonly HashSet<long>? _values;

    private KernelEnumeration(string name, HashSet<long>? values)
    {
        Name = name;
        _values = values;
    }

    public string Name { get; }

    /// <param name="types">Null when the kernel has no types: everything may then be there.</param>
    public static KernelEnumeration Read(BtfTypes? types, string name)
    {
        TypeId id = types?.Find(BtfKind.Enum, name) ?? TypeId.Void;
        if (types is null || id.IsVoid)
        {
            return new KernelEnumeration(name, null);
        }

        BtfType type = types[id];
        var values = new HashSet<long>();
        for (int i = 0; i < type.Count; i++)
        {
            // The last one, a mark and no value, stands for nothing that can be had.
            BtfEnumerator enumerator = type.Enumerator(i);
            if (!types.String(enumerator.NameOffset).StartsWith("__", StringComparison.Ordinal))
            {
                values.Add(enumerator.Value);
            }
        }

        return new KernelEnumeration(name, values);
    }

    /// <summary>False only when the kernel's types say so.</summary>
    public bool MayHave(int value) => _values is null || _values.Contains(value);
}
