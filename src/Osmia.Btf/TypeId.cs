namespace Osmia.Btf;

/// <summary>Number of a type in one BTF blob (and its base, for split BTF); 0 is <c>void</c>.</summary>
public readonly record struct TypeId(int Value)
{
    public static TypeId Void => default;

    public bool IsVoid => Value == 0;

    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
