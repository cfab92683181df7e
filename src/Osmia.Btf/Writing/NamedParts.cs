namespace Osmia.Btf.Writing;

/// <summary>A member to be written. Offsets are in bits from the start of the composite; a <see cref="BitfieldSize"/> above 0 makes it a bit-field of so many bits.</summary>
public readonly record struct NamedMember(string Name, TypeId Type, int BitOffset, int BitfieldSize = 0);

/// <summary>An enumerator to be written.</summary>
public readonly record struct NamedEnumerator(string Name, long Value);

/// <summary>A parameter of a function prototype. A last one without name and of type <c>void</c> stands for <c>...</c>.</summary>
public readonly record struct NamedParameter(string Name, TypeId Type);
