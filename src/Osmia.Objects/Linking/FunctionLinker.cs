using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking.Core;

namespace Osmia.Objects.Linking;

/// <summary>Puts a program's subprograms behind its entry point and resolves what instructions refer to.</summary>
internal sealed class FunctionLinker(BpfObject source, Target target, Dictionary<BpfMap, int> mapIndexes, ModuleTable modules)
{
    // Subprograms are copied behind every program that calls them. The kernel takes a million instructions per program.
    private const int MaximumTotal = 1 << 24;
    private const int PoisonedMap = 2_001_000_000;

    private readonly Dictionary<BpfFunction, (Instruction[] Instructions, List<UnresolvedRelocation> Unresolved)> _relocated = [];
    private readonly ExternLinker _externs = new(source, target, modules);
    private CoreRelocator? _core;
    private long _total;

    public LinkedProgram Link(BpfProgram program)
    {
        List<BpfFunction> order = CallOrder(program.Entry, ExceptionCallback(program.Entry));
        var starts = new Dictionary<BpfFunction, int>(order.Count);
        int length = 0;
        foreach (BpfFunction function in order)
        {
            starts[function] = length;
            length += function.Instructions.Length;
            _total += function.Instructions.Length + function.Lines.Length;
            if (_total > MaximumTotal)
            {
                throw LinkErrors.TooLarge(source.Name, program.Name, MaximumTotal);
            }
        }

        var instructions = new Instruction[length];
        var lines = ImmutableArray.CreateBuilder<LineRecord>();
        var unresolved = ImmutableArray.CreateBuilder<UnresolvedRelocation>();
        foreach (BpfFunction function in order)
        {
            int start = starts[function];
            (Instruction[] relocated, List<UnresolvedRelocation> missing) = Relocate(function);
            relocated.CopyTo(instructions, start);
            foreach (SymbolReference reference in function.References)
            {
                if (reference.Kind != SymbolKind.Extern)
                {
                    Resolve(instructions, start + reference.Slot, reference, starts);
                    if (reference.Map is { AutoCreate: false } map)
                    {
                        unresolved.Add(new UnresolvedRelocation(start + reference.Slot, LinkErrors.MapLeftOut(map.Name, function.Name, reference.Slot)));
                    }
                }
                else if (_externs.Resolve(instructions, start + reference.Slot, function, reference) is { } absent)
                {
                    unresolved.Add(new UnresolvedRelocation(start + reference.Slot, absent));
                }
            }

            lines.AddRange(function.Lines.Select(line => line with { Slot = line.Slot + start }));
            unresolved.AddRange(missing.Select(relocation => relocation with { Slot = relocation.Slot + start }));
        }

        return new LinkedProgram(program.Name, program.Section, ImmutableCollectionsMarshal.AsImmutableArray(instructions))
        {
            Functions = [.. order.Select(function => new LinkedFunction(starts[function], function.Name, function.BtfId, function.IsGlobal && !function.IsHidden))],
            Lines = lines.ToImmutable(),
            Types = source.Types,
            Unresolved = unresolved.ToImmutable(),
        };
    }

    /// <summary>
    /// The entry first, then every function reached from it, each once: a callee stands before what it calls itself, as libbpf
    /// places them. The walk keeps its own stack, for chains of calls may be long.
    /// </summary>
    /// <param name="last">A function that is called by nobody and yet belongs to the program: its exception callback.</param>
    public static List<BpfFunction> CallOrder(BpfFunction entry, BpfFunction? last = null)
    {
        var order = new List<BpfFunction>();
        var seen = new HashSet<BpfFunction>();
        Add(entry, order, seen);
        if (last is not null)
        {
            Add(last, order, seen);
        }

        return order;
    }

    private static void Add(BpfFunction first, List<BpfFunction> order, HashSet<BpfFunction> seen)
    {
        if (!seen.Add(first))
        {
            return;
        }

        order.Add(first);
        var path = new Stack<Step>();
        path.Push(new Step(first));
        while (path.TryPeek(out Step? step))
        {
            if (step.Next == step.Function.References.Count)
            {
                path.Pop();
            }
            else if (step.Function.References[step.Next++].Function is { } callee && seen.Add(callee))
            {
                order.Add(callee);
                path.Push(new Step(callee));
            }
        }
    }

    /// <summary>What runs when the program throws: named by a declaration tag on the entry, found by the kernel in the same tag.</summary>
    private BpfFunction? ExceptionCallback(BpfFunction entry)
    {
        const string prefix = "exception_callback:";
        string? name = entry.Tags.FirstOrDefault(tag => tag.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];
        return name is null ? null
            : source.Functions.FirstOrDefault(function => function.Name == name && function.Section == ".text" && function.IsGlobal && !function.IsHidden)
                ?? throw LinkErrors.NoExceptionCallback(entry.Name, name);
    }

    private (Instruction[] Instructions, List<UnresolvedRelocation> Unresolved) Relocate(BpfFunction function)
    {
        if (_relocated.TryGetValue(function, out (Instruction[], List<UnresolvedRelocation>) known))
        {
            return known;
        }

        var instructions = (Instruction[])function.Instructions.Clone();
        List<UnresolvedRelocation> unresolved = [];
        if (function.CoreRelocations.Count > 0)
        {
            unresolved = (_core ??= new CoreRelocator(source, target)).Apply(function, instructions);
        }

        return _relocated[function] = (instructions, unresolved);
    }

    private int MapNumber(BpfMap map)
    {
        int index = 0;
        while (index < source.Maps.Count && source.Maps[index] != map)
        {
            index++;
        }

        return index;
    }

    private void Resolve(Instruction[] instructions, int slot, SymbolReference reference, Dictionary<BpfFunction, int> starts)
    {
        Instruction instruction = instructions[slot];
        if (instruction.IsHelperCall && instruction.Immediate == CorePatcher.PoisonedHelper)
        {
            return;
        }

        switch (reference.Kind)
        {
            case SymbolKind.Map or SymbolKind.MapValue when !mapIndexes.ContainsKey(reference.Map!):
                // libbpf's number of a map that was left out, with its place among all maps.
                instructions[slot] = instructions[slot + 1] = new Instruction(new Opcode(Opcodes.Call), 0, 0, PoisonedMap + MapNumber(reference.Map!));
                break;
            case SymbolKind.Map:
                instructions[slot] = instruction.WithSourceKind(PseudoLoad.MapIndex).WithImmediate(mapIndexes[reference.Map!]);
                break;
            case SymbolKind.MapValue:
                instructions[slot] = instruction.WithSourceKind(PseudoLoad.MapIndexValue).WithImmediate(mapIndexes[reference.Map!]);
                instructions[slot + 1] = instructions[slot + 1].WithImmediate((int)reference.Offset);
                break;
            case SymbolKind.Call:
                instructions[slot] = instruction.WithSourceKind(CallKind.Local).WithImmediate(starts[reference.Function!] - slot - 1);
                break;
            case SymbolKind.FunctionAddress:
                instructions[slot] = instruction.WithSourceKind(PseudoLoad.Function).WithImmediate(starts[reference.Function!] - slot - 1);
                instructions[slot + 1] = instructions[slot + 1].WithImmediate(0);
                break;
            case SymbolKind.JumpTable:
                throw LinkErrors.JumpTable(reference.Name, source.Name, reference.Slot);
            default:
                throw new InvalidOperationException($"a reference of kind {reference.Kind} is resolved elsewhere");
        }
    }

    /// <summary>A function on the walk of calls, and the reference to look at next.</summary>
    private sealed class Step(BpfFunction function)
    {
        public BpfFunction Function { get; } = function;

        public int Next { get; set; }
    }
}
