using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Objects;

/// <summary>An object made of values alone, as an assembler or a compiler makes one: every kind of reference, every kind of map value.</summary>
internal static class BuiltObject
{
    public static BpfObject Make()
    {
        var counts = new BpfMap("counts") { Type = MapType.Hash, KeySize = 4, ValueSize = 8, MaxEntries = 16, Flags = 1, PinByName = true };
        BpfMap inner = Inner("inner");
        var outer = new BpfMap("outer") { Type = MapType.ArrayOfMaps, KeySize = 4, ValueSize = 4, MaxEntries = 2, InnerMap = Inner("outer.inner"), Slots = [new MapSlot(1, "inner")] };
        var programs = new BpfMap("programs") { Type = MapType.ProgArray, KeySize = 4, ValueSize = 4, MaxEntries = 2, Slots = [new MapSlot(0, "entry")] };
        BpfMap constants = BpfMap.OfSection(".rodata", [1, 0, 0, 0, 2, 0, 0, 0]);
        var limit = new BpfVariable("limit", constants, 4, 4, default) { IsGlobal = true };
        var kernel = new BpfExtern("bpf_some_function", ExternKind.KernelFunction);
        var wide = new Instruction(new Opcode(Opcodes.LoadImmediate64), 1, 0, 0);
        var call = new Instruction(new Opcode(Opcodes.Call), 0, 0, -1);
        var exit = new Instruction(new Opcode(Opcodes.Exit), 0, 0, 0);
        var twice = new BpfFunction("twice", ".text", 0, [new Instruction(new Opcode(0xb7), 0, 0, 2), exit]);
        var entry = new BpfFunction("entry", "xdp", 0, [wide, default, wide, default, call, wide, default, call.WithSourceKind(CallKind.Local), exit])
        {
            IsGlobal = true,
            References =
            [
                new SymbolReference(0, SymbolKind.Map, "counts") { Map = counts },
                new SymbolReference(2, SymbolKind.MapValue, "limit") { Map = constants, Offset = 4 },
                new SymbolReference(4, SymbolKind.Call, "twice") { Function = twice },
                new SymbolReference(5, SymbolKind.FunctionAddress, "twice") { Function = twice },
                new SymbolReference(7, SymbolKind.Extern, "bpf_some_function") { Extern = kernel },
            ],
        };
        return new BpfObject("built")
        {
            License = "GPL",
            Functions = [twice, entry],
            Programs = [new BpfProgram(entry, SectionTable.Match("xdp"))],
            Maps = [counts, inner, outer, programs, constants],
            Variables = [limit],
            Externs = [kernel],
        };
    }

    private static BpfMap Inner(string name) => new(name) { Type = MapType.Array, KeySize = 4, ValueSize = 4, MaxEntries = 1, IsGlobal = false };
}
