using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Loading;

/// <summary>
/// Checks a program's shape slot by slot and writes the form the interpreter runs. After it, every jump and call lands on an
/// instruction of the same function, no function's end can be run past, and every register number is valid.
/// </summary>
internal sealed unsafe partial class ProgramDecoder
{
    private readonly LinkedProgram _program;
    private readonly ProgramKind _kind;
    private readonly HookType? _hook;
    private readonly Instruction[] _code;
    private readonly Func<int, ulong> _mapHandle;
    private readonly Func<int, uint, ulong?> _mapValueAddress;
    private readonly Dictionary<int, Diagnostic> _unresolved = [];
    private readonly bool[] _isSecondHalf;
    private readonly bool[] _isFunctionStart;
    private readonly bool[] _isCallback;
    private int _functionStart;
    private int _functionEnd;

    /// <param name="mapHandle">The register value that stands for the map with this index.</param>
    /// <param name="mapValueAddress">The address of a byte in the only value of the map with this index; null when there is none.</param>
    /// <param name="hook">The application's type of the program, whose helpers it may call.</param>
    public ProgramDecoder(LinkedProgram program, ProgramKind kind, HookType? hook, Func<int, ulong> mapHandle, Func<int, uint, ulong?> mapValueAddress)
    {
        _program = program;
        _kind = kind;
        _hook = hook;
        _code = ImmutableCollectionsMarshal.AsArray(program.Instructions) ?? [];
        _mapHandle = mapHandle;
        _mapValueAddress = mapValueAddress;
        foreach (UnresolvedRelocation unresolved in program.Unresolved)
        {
            _unresolved.Add(unresolved.Slot, unresolved.Diagnostic);
        }

        _isSecondHalf = new bool[_code.Length + 1];
        _isFunctionStart = new bool[_code.Length + 1];
        _isCallback = new bool[_code.Length + 1];
    }

    /// <summary>Slots of the functions whose address the program loads: what helpers may call.</summary>
    public bool[] Callbacks => _isCallback;

    /// <returns>Native memory of one element more than the program has slots; the caller frees it.</returns>
    public DecodedInstruction* Decode()
    {
        FindHalvesAndFunctions();
        var decoded = (DecodedInstruction*)NativeMemory.AllocZeroed((nuint)_code.Length + 1, DecodedInstruction.SizeInBytes);
        try
        {
            for (int slot = 0; slot < _code.Length; slot++)
            {
                if (_isFunctionStart[slot])
                {
                    EnterFunction(slot);
                }

                if (_isSecondHalf[slot])
                {
                    continue;
                }

                decoded[slot] = DecodeOne(slot);
                if (IsLastOfFunction(slot) && decoded[slot].Op is not (Op.Exit or Op.Ja64K or Op.Unresolved))
                {
                    throw Refuse(DiagnosticIds.BadControlFlow, slot, "the last instruction of a function is neither exit nor goto", "the run would go on into whatever comes next");
                }
            }

            return decoded;
        }
        catch
        {
            NativeMemory.Free(decoded);
            throw;
        }
    }

    private void FindHalvesAndFunctions()
    {
        ReadOnlySpan<Instruction> code = _code;
        if (code.Length == 0)
        {
            throw Refuse(DiagnosticIds.BadControlFlow, 0, "the program has no instructions", "there is nothing to run");
        }

        _isFunctionStart[0] = true;
        foreach (LinkedFunction function in _program.Functions)
        {
            if ((uint)function.Slot < (uint)code.Length)
            {
                _isFunctionStart[function.Slot] = true;
            }
        }

        for (int slot = 0; slot < code.Length; slot++)
        {
            Instruction instruction = code[slot];
            if (instruction.IsWide)
            {
                if (slot + 1 >= code.Length || code[slot + 1] is not { Opcode.Value: 0, Registers: 0, Offset: 0 })
                {
                    throw Refuse(DiagnosticIds.BadInstruction, slot, "a 64-bit immediate load lacks its second slot", "the slot after it must hold only the upper half of the immediate");
                }

                _isSecondHalf[slot + 1] = true;
            }

            if ((instruction.IsLocalCall && !_unresolved.ContainsKey(slot)) || instruction.IsFunctionAddress)
            {
                long target = (long)slot + 1 + instruction.Immediate;
                if (target < 0 || target >= code.Length)
                {
                    throw Refuse(DiagnosticIds.BadControlFlow, slot, $"a call of slot {target}", $"the program has slots 0 to {code.Length - 1}");
                }

                _isFunctionStart[target] = true;
                _isCallback[target] |= instruction.IsFunctionAddress;
            }

            if (instruction.IsWide)
            {
                slot++;
            }
        }

        for (int slot = 0; slot < code.Length; slot++)
        {
            if (_isSecondHalf[slot] && _isFunctionStart[slot])
            {
                throw Refuse(DiagnosticIds.BadControlFlow, slot, "a function begins inside a 64-bit immediate load", "calls must land on an instruction");
            }
        }
    }

    private void EnterFunction(int start)
    {
        _functionStart = start;
        _functionEnd = start + 1;
        while (_functionEnd < _code.Length && !_isFunctionStart[_functionEnd])
        {
            _functionEnd++;
        }
    }

    private bool IsLastOfFunction(int slot)
    {
        int next = _code[slot].IsWide ? slot + 2 : slot + 1;
        return next >= _code.Length || _isFunctionStart[next];
    }

    private DecodedInstruction DecodeOne(int slot)
    {
        Instruction instruction = _code[slot];
        if (_unresolved.ContainsKey(slot))
        {
            return new() { Op = Op.Unresolved };
        }

        int destination = (int)instruction.Destination;
        if (destination > 10 || (instruction.SourceKind > 10))
        {
            throw BadField(slot, $"register r{Math.Max(destination, instruction.SourceKind)}", "registers are r0 to r10");
        }

        DecodedInstruction decoded = instruction.Opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 => DecodeArithmetic(slot, instruction),
            InstructionClass.Jmp or InstructionClass.Jmp32 => DecodeJump(slot, instruction),
            InstructionClass.Ld => DecodeLoadImmediateOrPacket(slot, instruction),
            _ => DecodeMemory(slot, instruction),
        };
        decoded.Destination = (byte)destination;
        decoded.Source = (byte)instruction.SourceKind;
        return decoded;
    }

    private static Op At(Op first, int index) => (Op)((int)first + index);

    private void CheckWritable(int slot, Register register)
    {
        if (register == Register.R10)
        {
            throw BadField(slot, "a write to r10", "the frame pointer is read-only");
        }
    }

    private void CheckReserved(int slot, bool isMet)
    {
        if (!isMet)
        {
            throw BadField(slot, "a memory access with a value in an unused field", "the field is reserved here and must be 0");
        }
    }

    private BytecodeException UnknownOpcode(int slot, Instruction instruction) =>
        Refuse(DiagnosticIds.BadInstruction, slot, $"unknown opcode {instruction.Opcode}", "RFC 9669 and Linux 6.18 have no such instruction");

    private BytecodeException BadField(int slot, string what, string why) => Refuse(DiagnosticIds.BadInstruction, slot, what, why);

    private BytecodeException Refuse(string id, int slot, string what, string why) => new(Describe(id, slot, what, why), _program.Name, slot);

    private Diagnostic Describe(string id, int slot, string what, string why, string? attempt = null) =>
        new(id, what) { Where = ProgramPlace.Describe(_program, slot), Why = why, Try = attempt };
}
