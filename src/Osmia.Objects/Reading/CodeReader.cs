using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>Reads functions from executable sections and turns ELF relocations into symbol references by slot.</summary>
internal sealed class CodeReader(string file, ElfFile elf, MapReader maps, ExternReader externs)
{
    // Relocation types of the BPF psABI (llvm.org/docs, "BPF relocation types").
    private const int Wide = 1;
    private const int Call = 10;

    private readonly List<BpfFunction> _functions = [];
    private readonly Dictionary<BpfFunction, Dictionary<int, SymbolReference>> _references = [];
    private readonly Dictionary<int, List<BpfFunction>> _bySection = [];

    public IReadOnlyList<BpfFunction> Functions => _functions;

    public void Read()
    {
        foreach (ElfSection section in elf.Sections.Where(section => section.IsExecutable && section.Size > 0))
        {
            ReadFunctions(section);
        }

        foreach (ElfSection relocations in elf.Sections.Where(section => section.IsRelocations))
        {
            if (relocations.Info > 0 && relocations.Info < elf.Sections.Count && elf.Sections[relocations.Info].IsExecutable)
            {
                ReadReferences(relocations, elf.Sections[relocations.Info]);
            }
        }

        foreach (BpfFunction function in _functions)
        {
            _references.TryAdd(function, []);
        }

        foreach ((int section, List<BpfFunction> functions) in _bySection)
        {
            foreach (BpfFunction function in functions)
            {
                AddUnrelocated(section, function, _references[function]);
                List<SymbolReference> references = [.. _references[function].Values];
                references.Sort((left, right) => left.Slot.CompareTo(right.Slot));
                function.References = references;
            }
        }
    }

    /// <summary>The function that holds a slot of the first section of a name, or null between functions.</summary>
    public BpfFunction? At(string section, long slot) => elf.Find(section) is { } found ? At(found.Index, slot) : null;

    private BpfFunction? At(int section, long slot)
    {
        if (!_bySection.TryGetValue(section, out List<BpfFunction>? functions))
        {
            return null;
        }

        int low = 0;
        int high = functions.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = functions[middle].SectionSlot <= slot ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && slot < functions[low - 1].SectionSlot + functions[low - 1].Instructions.Length ? functions[low - 1] : null;
    }

    private void ReadFunctions(ElfSection section)
    {
        if (section.Size % Instruction.SizeInBytes != 0)
        {
            throw ObjectErrors.BadCode(file, section.Name, section.Offset, $"its {section.Size} bytes are not a whole number of 8-byte slots");
        }

        var functions = new List<BpfFunction>();
        _bySection[section.Index] = functions;
        ulong previousEnd = 0;
        List<ElfSymbol> symbols = [.. elf.SymbolsOf(section).Where(s => s.Type == ElfSymbolType.Function)];
        symbols.Sort(ByPosition);
        foreach (ElfSymbol symbol in symbols)
        {
            if (symbol.Value % 8 != 0 || symbol.Size % 8 != 0 || symbol.Size == 0 || symbol.Value > (ulong)section.Size || symbol.Size > (ulong)section.Size - symbol.Value)
            {
                throw ObjectErrors.BadCode(file, section.Name, section.Offset, $"function '{symbol.Name}' [{symbol.Value}, +{symbol.Size}) does not fit the section's {section.Size} bytes");
            }

            if (symbol.Value < previousEnd)
            {
                continue; // An alias of the function before it.
            }

            previousEnd = symbol.Value + symbol.Size;
            Instruction[] instructions = Instruction.DecodeAll(section.Data.Span.Slice((int)symbol.Value, (int)symbol.Size), elf.IsBigEndian);
            CheckWide(section, symbol, instructions);
            functions.Add(new BpfFunction(symbol.Name, section.Name, (int)(symbol.Value / 8), instructions) 
            {
                IsGlobal = symbol.IsGlobal,
                IsWeak = symbol.IsWeak,
                IsHidden = symbol.IsHidden,
            });
        }

        _functions.AddRange(functions);
    }

    // Of two names for one place the global one is taken, then the first.
    private static int ByPosition(ElfSymbol left, ElfSymbol right) =>
        left.Value != right.Value ? left.Value.CompareTo(right.Value)
        : left.IsGlobal != right.IsGlobal ? right.IsGlobal.CompareTo(left.IsGlobal)
        : left.Index.CompareTo(right.Index);

    private void CheckWide(ElfSection section, ElfSymbol symbol, Instruction[] instructions)
    {
        for (int slot = 0; slot < instructions.Length; slot++)
        {
            if (!instructions[slot].IsWide)
            {
                continue;
            }

            if (++slot == instructions.Length)
            {
                throw ObjectErrors.BadCode(file, section.Name, section.Offset + (long)symbol.Value + (slot - 1) * 8L, $"function '{symbol.Name}' ends within a wide instruction");
            }

            if (instructions[slot].Opcode.Value != 0)
            {
                throw ObjectErrors.BadCode(file, section.Name, section.Offset + (long)symbol.Value + slot * 8L, $"the second half of a wide instruction of function '{symbol.Name}' has opcode {instructions[slot].Opcode}");
            }
        }
    }

    private void ReadReferences(ElfSection relocations, ElfSection code)
    {
        foreach (ElfRelocation relocation in elf.Relocations(relocations))
        {
            ElfSymbol symbol = elf.Symbols[relocation.Symbol];
            BpfFunction? function = relocation.Offset % 8 == 0 && relocation.Offset < (ulong)code.Size ? At(code.Index, (long)(relocation.Offset / 8)) : null;
            if (function is null)
            {
                throw ObjectErrors.BadRelocation(file, code.Name, (long)Math.Min(relocation.Offset, long.MaxValue), $"it stands in no function (symbol '{symbol.Name}')");
            }

            int slot = (int)(relocation.Offset / 8) - function.SectionSlot;
            Instruction instruction = function.Instructions[slot];
            SymbolReference reference = relocation.Type switch
            {
                Wide when instruction.IsWide && JumpTableSection(symbol) is { } tables =>
                    new SymbolReference(slot, SymbolKind.JumpTable, symbol.Name) { JumpTable = new JumpTableReader(file, elf, tables).Read(symbol, function) },
                Wide when instruction.IsWide => WideReference(code, relocation, symbol, slot, instruction),
                Call when instruction.IsCall => CallReference(code, relocation, symbol, slot, instruction),
                _ => throw ObjectErrors.BadRelocation(file, code.Name, (long)relocation.Offset, $"type {relocation.Type} does not fit the instruction {instruction.Opcode} (symbol '{symbol.Name}')"),
            };
            if (!_references.TryGetValue(function, out Dictionary<int, SymbolReference>? known))
            {
                _references[function] = known = [];
            }

            if (!known.TryAdd(slot, reference))
            {
                throw ObjectErrors.BadRelocation(file, code.Name, (long)relocation.Offset, $"the slot has two relocations (symbol '{symbol.Name}')");
            }
        }
    }

    private ElfSection? JumpTableSection(ElfSymbol symbol) =>
        symbol.SectionIndex < elf.Sections.Count && elf.Sections[symbol.SectionIndex] is { Name: JumpTableReader.SectionName } section ? section : null;

    private SymbolReference WideReference(ElfSection code, ElfRelocation relocation, ElfSymbol symbol, int slot, Instruction instruction)
    {
        if (symbol.SectionIndex == ElfSymbol.Undefined)
        {
            return maps.Configuration(symbol.Name) is { } value
                ? new SymbolReference(slot, SymbolKind.MapValue, symbol.Name) { Map = value.Map, Offset = value.Offset + (long)instruction.Immediate }
                : new SymbolReference(slot, SymbolKind.Extern, symbol.Name) { Extern = externs.Find(symbol) };
        }

        if (symbol.SectionIndex >= elf.Sections.Count)
        {
            throw ObjectErrors.BadRelocation(file, code.Name, (long)relocation.Offset, $"symbol '{symbol.Name}' is in section {symbol.SectionIndex}, which does not exist");
        }

        if (maps.ForDataSection(symbol.SectionIndex) is { } data)
        {
            long offset = (long)symbol.Value + instruction.Immediate;
            long size = elf.Sections[symbol.SectionIndex].Size;
            if (offset < 0 || offset > size)
            {
                throw ObjectErrors.BadRelocation(file, code.Name, (long)relocation.Offset, $"offset {offset} is outside of {data.Name} ({size} bytes)");
            }

            return new SymbolReference(slot, SymbolKind.MapValue, symbol.Name) { Map = data, Offset = offset };
        }

        ElfSection section = elf.Sections[symbol.SectionIndex];
        if (section.IsExecutable)
        {
            BpfFunction callee = FunctionAt(code, relocation, symbol, section, (long)(symbol.Value / 8) + instruction.Immediate / 8);
            return new SymbolReference(slot, SymbolKind.FunctionAddress, callee.Name) { Function = callee };
        }

        // Static maps are named by their section's symbol, with the place in the instruction.
        return maps.AtDefinition(symbol.SectionIndex, symbol.Value + (ulong)instruction.Immediate) is { } map
            ? new SymbolReference(slot, SymbolKind.Map, map.Name) { Map = map }
            : throw ObjectErrors.MissingMapSection(file, code.Name, (long)relocation.Offset, symbol.Name);
    }

    private SymbolReference CallReference(ElfSection code, ElfRelocation relocation, ElfSymbol symbol, int slot, Instruction instruction)
    {
        if (symbol.SectionIndex == ElfSymbol.Undefined)
        {
            return new SymbolReference(slot, SymbolKind.Extern, symbol.Name) { Extern = externs.Find(symbol) };
        }

        ElfSection? section = symbol.SectionIndex < elf.Sections.Count ? elf.Sections[symbol.SectionIndex] : null;
        if (section is not { IsExecutable: true })
        {
            throw ObjectErrors.BadRelocation(file, code.Name, (long)relocation.Offset, $"the callee '{symbol.Name}' is not in a section of code");
        }

        BpfFunction callee = FunctionAt(code, relocation, symbol, section, (long)(symbol.Value / 8) + instruction.Immediate + 1);
        return new SymbolReference(slot, SymbolKind.Call, callee.Name) { Function = callee };
    }

    private BpfFunction FunctionAt(ElfSection code, ElfRelocation relocation, ElfSymbol symbol, ElfSection section, long slot)
    {
        BpfFunction? function = At(section.Index, slot);
        return function is not null && function.SectionSlot == slot
            ? function
            : throw ObjectErrors.BadRelocation(file, code.Name, (long)relocation.Offset, $"slot {slot} of section '{section.Name}' begins no function (symbol '{symbol.Name}')");
    }

    // Within one section the compiler resolves calls itself and leaves no relocation.
    private void AddUnrelocated(int section, BpfFunction function, Dictionary<int, SymbolReference> references)
    {
        for (int slot = 0; slot < function.Instructions.Length; slot++)
        {
            Instruction instruction = function.Instructions[slot];
            if (instruction.IsLocalCall && !references.ContainsKey(slot))
            {
                long target = (long)function.SectionSlot + slot + instruction.Immediate + 1;
                BpfFunction? callee = At(section, target);
                if (callee is null || callee.SectionSlot != target)
                {
                    throw ObjectErrors.BadCode(file, function.Section, (function.SectionSlot + slot) * 8L, $"a call in '{function.Name}' goes to slot {target}, where no function begins");
                }

                references.Add(slot, new SymbolReference(slot, SymbolKind.Call, callee.Name) { Function = callee });
            }

            slot += instruction.IsWide ? 1 : 0;
        }
    }
}
