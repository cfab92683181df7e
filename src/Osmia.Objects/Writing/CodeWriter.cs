using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

/// <summary>
/// Writes functions into their sections and symbol references as relocations, in the forms compilers use: a static function of the same
/// section is called by distance, one of another section by the section's symbol, everything else by its own symbol.
/// </summary>
internal sealed class CodeWriter(BpfObject source, ElfBuilder elf, SymbolTable symbols, DataWriter data)
{
    private const int Alignment = 8;

    private readonly Dictionary<BpfFunction, Placed> _places = [];
    private readonly List<OutputSection> _order = [];
    private readonly Dictionary<OutputSection, List<BpfFunction>> _functions = [];
    private readonly ILookup<(BpfMap Map, string Name), BpfVariable> _variables = source.Variables.ToLookup(variable => (variable.Map, variable.Name));

    /// <summary>Where a function stands: its section, and its first slot in it.</summary>
    public sealed record Placed(OutputSection Section, int Slot);

    public IReadOnlyList<OutputSection> Sections => _order;

    /// <summary>In the order of their slots.</summary>
    public IReadOnlyList<BpfFunction> FunctionsOf(OutputSection section) => _functions[section];

    public Placed PlaceOf(BpfFunction function) => _places[function];

    /// <summary>Functions stand at their own slots; one whose slot is taken stands behind the function that has it.</summary>
    public void PlaceFunctions()
    {
        Dictionary<BpfFunction, string> renamed = source.Programs
            .Where(program => program.Section.Name != program.Entry.Section)
            .ToDictionary(program => program.Entry, program => program.Section.Name);
        foreach (IGrouping<string, BpfFunction> group in source.Functions.GroupBy(function => renamed.GetValueOrDefault(function, function.Section)))
        {
            OutputSection section = elf.AddSection(group.Key, ElfSectionType.ProgramBits, ElfBuilder.Allocate | ElfBuilder.Execute, Alignment);
            _order.Add(section);
            int end = 0;
            _functions[section] = [.. group.OrderBy(function => function.SectionSlot)];
            foreach (BpfFunction function in _functions[section])
            {
                int slot = Math.Max(end, function.SectionSlot);
                end = slot + function.Instructions.Length;
                _places[function] = new Placed(section, slot);
                symbols.Define(function, new OutputSymbol(
                    function.Name,
                    ElfSymbolType.Function,
                    Bindings.Of(function.IsGlobal, function.IsWeak),
                    section,
                    (long)slot * Instruction.SizeInBytes,
                    (long)function.Instructions.Length * Instruction.SizeInBytes) { IsHidden = function.IsHidden });
            }

            section.Data = new byte[(long)end * Instruction.SizeInBytes];
        }
    }

    public void WriteCode()
    {
        foreach (BpfFunction function in source.Functions)
        {
            Placed place = _places[function];
            var instructions = (Instruction[])function.Instructions.Clone();
            foreach (SymbolReference reference in function.References)
            {
                Write(function, place, instructions, reference);
            }

            for (int i = 0; i < instructions.Length; i++)
            {
                Encode(instructions[i], place.Section.Data.AsSpan((place.Slot + i) * Instruction.SizeInBytes));
            }
        }
    }

    private void Write(BpfFunction function, Placed place, Instruction[] instructions, SymbolReference reference)
    {
        int slot = reference.Slot;
        bool isWide = slot >= 0 && slot + 1 < instructions.Length && instructions[slot].IsWide;
        bool isCall = slot >= 0 && slot < instructions.Length && instructions[slot].IsCall;
        if (reference.Kind == SymbolKind.Call ? !isCall : reference.Kind == SymbolKind.Extern ? !isWide && !isCall : !isWide)
        {
            throw Bad(function, reference, "does not fit its instruction");
        }

        Instruction instruction = instructions[slot];
        switch (reference.Kind)
        {
            case SymbolKind.Map:
                Relocate(ElfRelocationType.Wide, symbols.Find(reference.Map), 0);
                break;
            case SymbolKind.MapValue:
                (OutputSymbol symbol, long start) = AddressOf(function, reference);
                Relocate(ElfRelocationType.Wide, symbol, reference.Offset - start);
                break;
            case SymbolKind.Call:
                Call();
                break;
            case SymbolKind.FunctionAddress:
                (OutputSymbol callee, int calleeSlot) = Target(function, reference);
                Relocate(ElfRelocationType.Wide, callee, (long)calleeSlot * Instruction.SizeInBytes);
                break;
            case SymbolKind.JumpTable:
                throw WriteErrors.CannotWrite(source.Name, $"jump table '{reference.Name}' of function '{function.Name}' has no form here", "section .jumptables", "compile with -fno-jump-tables");
            default:
                Relocate(isCall ? ElfRelocationType.Call : ElfRelocationType.Wide, symbols.Find(reference.Extern), instruction.Immediate);
                break;
        }

        void Call()
        {
            BpfFunction called = Callee(function, reference);
            Placed target = _places[called];
            instruction = instruction.WithSourceKind(CallKind.Local);
            if (target.Section == place.Section && !called.IsGlobal && !called.IsWeak)
            {
                instructions[slot] = instruction.WithImmediate(target.Slot - (place.Slot + slot) - 1);
                return;
            }

            (OutputSymbol symbol, int symbolSlot) = Target(function, reference);
            Relocate(ElfRelocationType.Call, symbol, symbolSlot - 1);
        }

        void Relocate(ElfRelocationType type, OutputSymbol? symbol, long addend)
        {
            if (symbol is null || (int)addend != addend)
            {
                throw Bad(function, reference, symbol is null ? "is not of the object" : $"lies {addend} bytes from its symbol");
            }

            // What a wide load means is the symbol's matter: compilers leave its kind empty.
            instructions[slot] = (isWide ? instruction.WithSourceKind(PseudoLoad.Immediate) : instruction).WithImmediate((int)addend);
            place.Section.Relocations.Add(new OutputRelocation((long)(place.Slot + slot) * Instruction.SizeInBytes, symbol, type));
        }
    }

    /// <summary>The symbol a variable is reached by, and the offset the symbol stands for: the variable of the reference's name, else the section.</summary>
    private (OutputSymbol Symbol, long Start) AddressOf(BpfFunction function, SymbolReference reference)
    {
        BpfVariable? variable = null;
        foreach (BpfVariable candidate in reference.Map is null ? [] : _variables[(reference.Map, reference.Name)])
        {
            bool isWithin = reference.Offset >= candidate.Offset && reference.Offset < candidate.Offset + candidate.Size;
            variable = variable is null || isWithin ? candidate : variable;
        }

        if (variable is not null && reference.Map!.DataSection == DataSectionKind.Kconfig)
        {
            return (symbols.OfConfiguration(variable), variable.Offset);
        }

        if (symbols.Find(variable) is { } named)
        {
            return (named, variable!.Offset);
        }

        return reference.Map is { } map && data.SectionOf(map) is { } section ? (section.Symbol, 0) : throw Bad(function, reference, "is in no section of the object");
    }

    // Global functions go by their own symbol, which the static linker may bind to another; static ones by their section's.
    private (OutputSymbol Symbol, int Slot) Target(BpfFunction function, SymbolReference reference)
    {
        BpfFunction callee = Callee(function, reference);
        Placed target = _places[callee];
        return callee.IsGlobal || callee.IsWeak ? (symbols.Find(callee)!, 0) : (target.Section.Symbol, target.Slot);
    }

    private BpfFunction Callee(BpfFunction function, SymbolReference reference) =>
        reference.Function is { } callee && _places.ContainsKey(callee) ? callee : throw Bad(function, reference, "is no function of the object");

    private ObjectFormatException Bad(BpfFunction function, SymbolReference reference, string problem) =>
        WriteErrors.CannotWrite(source.Name, $"the reference to {reference.Kind} '{reference.Name}' {problem}", $"function '{function.Name}', instruction {reference.Slot}");

    private void Encode(Instruction instruction, Span<byte> slot)
    {
        instruction.Encode(slot);
        if (elf.IsBigEndian)
        {
            slot[1] = (byte)((slot[1] << 4) | (slot[1] >> 4));
            BinaryPrimitives.WriteInt16BigEndian(slot[2..], instruction.Offset);
            BinaryPrimitives.WriteInt32BigEndian(slot[4..], instruction.Immediate);
        }
    }
}
