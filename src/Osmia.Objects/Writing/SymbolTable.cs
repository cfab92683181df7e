using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

/// <summary>The ELF symbols of what an object defines and of what it uses.</summary>
internal sealed class SymbolTable(ElfBuilder elf)
{
    private readonly Dictionary<object, OutputSymbol> _symbols = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, OutputSymbol> _undefined = new(StringComparer.Ordinal);

    /// <summary>Gives a function, map or variable its symbol.</summary>
    public void Define(object thing, OutputSymbol symbol) => _symbols[thing] = elf.AddSymbol(symbol);

    public void DefineExtern(BpfExtern external)
    {
        OutputSymbol symbol = elf.AddSymbol(Undefined(external.Name, external.IsWeak, external.IsHidden));
        _symbols[external] = symbol;
        _undefined.TryAdd(external.Name, symbol);
    }

    public OutputSymbol? Find(object? thing) => thing is not null && _symbols.TryGetValue(thing, out OutputSymbol? symbol) ? symbol : null;

    /// <summary>The undefined symbol of a value of the configuration; made when the object lists no external symbol for it.</summary>
    public OutputSymbol OfConfiguration(BpfVariable variable)
    {
        if (!_undefined.TryGetValue(variable.Name, out OutputSymbol? symbol))
        {
            _undefined[variable.Name] = symbol = elf.AddSymbol(Undefined(variable.Name, variable.IsWeak, isHidden: false));
        }

        return symbol;
    }

    private static OutputSymbol Undefined(string name, bool isWeak, bool isHidden) =>
        new(name, ElfSymbolType.None, isWeak ? ElfBinding.Weak : ElfBinding.Global, null, 0, 0) { IsHidden = isHidden };
}

internal static class Bindings
{
    public static ElfBinding Of(bool isGlobal, bool isWeak) => isWeak ? ElfBinding.Weak : isGlobal ? ElfBinding.Global : ElfBinding.Local;
}
