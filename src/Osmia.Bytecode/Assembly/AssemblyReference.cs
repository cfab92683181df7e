namespace Osmia.Bytecode.Assembly;

public enum AssemblyReferenceKind
{
    /// <summary><c>call NAME</c>.</summary>
    Call,

    /// <summary><c>r1 = NAME ll</c>, <c>map[NAME]</c>: a map, a variable or a function's address.</summary>
    Load,
}

/// <summary>A name in an instruction. <see cref="Offset"/> is what is added to it, in bytes.</summary>
public sealed record AssemblyReference(int Slot, AssemblyReferenceKind Kind, string Name, long Offset, int Line, int Column);

/// <summary>What the fields of an instruction become for a name; <see cref="NextImmediate"/> is for the second slot of a wide load.</summary>
/// <param name="SourceKind">One of <see cref="CallKind"/> for a call, of <see cref="PseudoLoad"/> for a load.</param>
public readonly record struct SymbolValue(int SourceKind, int Immediate, int NextImmediate = 0)
{
    public static SymbolValue Map(int descriptor) => new(PseudoLoad.MapFd, descriptor);

    public static SymbolValue MapByIndex(int index) => new(PseudoLoad.MapIndex, index);

    public static SymbolValue MapValueByIndex(int index, int offset) => new(PseudoLoad.MapIndexValue, index, offset);

    public static SymbolValue Helper(HelperId id) => new(CallKind.Helper, (int)id);

    public static SymbolValue Kfunc(int btfId) => new(CallKind.Kfunc, btfId);
}

/// <summary>Says what a name means; null for names it does not know. Labels of the text come first, names of helpers last.</summary>
public delegate SymbolValue? SymbolResolver(AssemblyReference reference);
