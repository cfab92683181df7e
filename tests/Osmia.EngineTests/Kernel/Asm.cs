using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Kernel;

/// <summary>Writes small programs by hand, so that a test of the engine needs no compiler and no object file.</summary>
internal sealed class Asm
{
    private readonly List<Instruction> _code = [];
    private readonly List<(int Slot, string Label)> _jumps = [];
    private readonly Dictionary<string, int> _labels = [];

    public Asm Add(byte opcode, Register destination = 0, Register source = 0, short offset = 0, int immediate = 0)
    {
        _code.Add(new Instruction(new Opcode(opcode), destination, source, offset, immediate));
        return this;
    }

    public Asm Move(Register destination, int value) => Add(0xb7, destination, immediate: value);

    public Asm Copy(Register destination, Register source) => Add(0xbf, destination, source);

    public Asm AddImmediate(Register destination, int value) => Add(0x07, destination, immediate: value);

    public Asm ShiftRight(Register destination, int bits) => Add(0x77, destination, immediate: bits);

    public Asm LoadWord(Register destination, Register source, short offset) => Add(0x61, destination, source, offset);

    public Asm LoadHalf(Register destination, Register source, short offset) => Add(0x69, destination, source, offset);

    public Asm LoadLong(Register destination, Register source, short offset) => Add(0x79, destination, source, offset);

    public Asm StoreLong(Register destination, short offset, Register source) => Add(0x7b, destination, source, offset);

    public Asm StoreLong(Register destination, short offset, int value) => Add(0x7a, destination, 0, offset, value);

    public Asm StoreWord(Register destination, short offset, int value) => Add(0x62, destination, 0, offset, value);

    public Asm AtomicAdd(Register destination, short offset, Register source) => Add(0xdb, destination, source, offset);

    public Asm Map(Register destination, int index) =>
        Add(Opcodes.LoadImmediate64, destination, (Register)PseudoLoad.MapIndex, 0, index).Add(0);

    public Asm MapValue(Register destination, int index, int offset = 0) =>
        Add(Opcodes.LoadImmediate64, destination, (Register)PseudoLoad.MapIndexValue, 0, index).Add(0, immediate: offset);

    public Asm Call(int helper) => Add(Opcodes.Call, immediate: helper);

    public Asm Exit() => Add(Opcodes.Exit);

    public Asm JumpIfNotEqual(Register left, int right, string label) => Jump(0x55, left, 0, right, label);

    public Asm JumpIfEqual(Register left, int right, string label) => Jump(0x15, left, 0, right, label);

    public Asm JumpIfGreater(Register left, Register right, string label) => Jump(0x2d, left, right, 0, label);

    public Asm Label(string label)
    {
        _labels[label] = _code.Count;
        return this;
    }

    /// <summary>Adds one to the 8 bytes at the start of an array map's element 0.</summary>
    public Asm Count(int map, int offset = 0) => MapValue(Register.R1, map, offset).Move(Register.R2, 1).AtomicAdd(Register.R1, 0, Register.R2);

    /// <summary>Jumps unless the current process is the given one.</summary>
    public Asm OnlyProcess(int pid, string otherwise) => Call(Helper.CurrentPid).ShiftRight(Register.R0, 32).JumpIfNotEqual(Register.R0, pid, otherwise);

    public LinkedProgram Build(string name, ProgramType type, AttachType? attach = null, AttachKind kind = AttachKind.None)
    {
        foreach ((int slot, string label) in _jumps)
        {
            _code[slot] = _code[slot] with { Offset = (short)(_labels[label] - slot - 1) };
        }

        return new LinkedProgram(name, new SectionMatch(name, "", "", type, attach, kind), [.. _code]);
    }

    private Asm Jump(byte opcode, Register left, Register right, int immediate, string label)
    {
        _jumps.Add((_code.Count, label));
        return Add(opcode, left, right, 0, immediate);
    }

    /// <summary>Helper functions by their numbers.</summary>
    public static class Helper
    {
        public const int MapLookup = 1;
        public const int TailCall = 12;
        public const int CurrentPid = 14;
        public const int PerfEventOutput = 25;
        public const int RingBufferOutput = 130;
    }
}

/// <summary>Linked values made by hand.</summary>
internal static class Linked
{
    public static LinkedMap Counter(int index = 0) => new(index, "counter", MapType.Array, 4, 8, 1, 0);

    public static LinkedMap Map(MapType type, uint key, uint value, uint entries, uint flags = 0, string name = "map") => new(0, name, type, key, value, entries, flags);

    public static LinkedObject Object(ImmutableArray<LinkedProgram> programs, ImmutableArray<LinkedMap> maps) => new("byhand", programs, maps, []) { License = "GPL" };

    public static LinkedObject Maps(params ImmutableArray<LinkedMap> maps) => Object([], maps);
}
