using System.Diagnostics.CodeAnalysis;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Vm.Compilation;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

/// <summary>Stopping a run: what it did, where, and which memory it was near.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const ulong NearbyBytes = 1 << 20;
    private const int FramePointer = 1 << 10;
    private const int AllRegisters = 0x7ff;

    /// <summary>r6, of legacy packet loads.</summary>
    private const int SocketBuffer = 1 << 6;

    /// <summary>The slot number of the instruction under way.</summary>
    private int CurrentSlot => (int)(State->Current - Program.Code);

    [DoesNotReturn]
    public void Trap(string id, string what, string? why = null, string? attempt = null, Exception? inner = null)
    {
        int slot = CurrentSlot;
        VmProgram program = Program;
        ulong[] registers = new ReadOnlySpan<ulong>(State->Registers, 11).ToArray();
        registers[10] = State->FrameLow + FrameSize;
        throw new TrapException(
            new Diagnostic(id, what) { Where = ProgramPlace.Describe(program.Definition, slot), Why = why, Try = attempt },
            program.Name, slot, registers, program.Definition.Instructions[slot], inner, KnownRegisters());
    }

    // Compiled code keeps the others where only it knows; of a packet load it has the sum, not the register that went into it.
    private int KnownRegisters() =>
        Program.Compiled is null ? AllRegisters
        : State->Current->Op is >= Op.IndB and <= Op.IndW ? SocketBuffer | FramePointer
        : RegisterEffects.Of(*State->Current, 0).Uses | FramePointer;

    /// <summary>A helper was given something it cannot take.</summary>
    [DoesNotReturn]
    public void TrapArgument(int argument, string what, string? why = null) =>
        Trap(DiagnosticIds.BadHelperArgument, $"{HelperName()}: argument {argument} (r{argument} = 0x{State->Registers[argument]:x}) {what}", why);

    [DoesNotReturn]
    public void TrapArgumentMemory(int argument, ulong address, ulong size, bool isWrite) =>
        TrapArgument(argument, $"is no {(isWrite ? "writable " : "")}memory of {size} bytes", WhereIs(address, size));

    public string HelperName() => State->Current->Op == Op.CallRegister ? "callx"
        : Program.HookType?.HelperOf(State->Current->Offset)?.Definition.Name ?? VmHelpers.NameOf(State->Current->Offset);

    [DoesNotReturn]
    private void ThrowBadAccess(ulong address, ulong size, bool isWrite)
    {
        string act = isWrite ? "write" : "read";
        if (isWrite && FindRegion(address, size, isWrite: false))
        {
            Trap(DiagnosticIds.ReadOnlyWrite, $"write of {size} bytes at 0x{address:x}, which is read-only", WhereIs(address, size), "write to a map that is not frozen or read-only, or let the program type write its packet");
        }

        Trap(DiagnosticIds.BadAccess, $"{act} of {size} byte{(size == 1 ? "" : "s")} at 0x{address:x}, outside the program's memory", WhereIs(address, size));
    }

    [DoesNotReturn]
    private void ThrowMisaligned(ulong address, ulong size) =>
        Trap(DiagnosticIds.Misaligned, $"atomic access of {size} bytes at 0x{address:x}, which is not a multiple of {size}", "atomic instructions need natural alignment");

    [DoesNotReturn]
    private void ThrowBudgetExhausted() =>
        Trap(DiagnosticIds.BudgetExhausted, $"the run used up its budget of {Engine.Options.InstructionBudget} instructions", "a loop may have no end", "raise VmOptions.InstructionBudget if the program needs more");

    [DoesNotReturn]
    private void ThrowStackDepth() =>
        Trap(DiagnosticIds.StackDepth, $"a call more than {MaxFrames} frames deep", $"the kernel allows {MaxFrames} frames of {FrameSize} bytes");

    [DoesNotReturn]
    private void ThrowUnresolved()
    {
        int slot = CurrentSlot;
        Diagnostic? reason = Program.Definition.Unresolved.FirstOrDefault(u => u.Slot == slot)?.Diagnostic;
        Trap(DiagnosticIds.ReachedUnresolved, "the run reached an instruction whose relocation could not be resolved", reason?.What ?? "the instruction was never meant to run", reason?.Try);
    }

    [DoesNotReturn]
    private void ThrowNotReleased() =>
        Trap(DiagnosticIds.NotReleased, _heldLock != null ? "the program ended holding a bpf_spin_lock"
            : _resilientCount != 0 ? "the program ended holding a bpf_res_spin_lock"
            : _objectCount != 0 ? $"the program ended holding {_objectCount} object{(_objectCount == 1 ? "" : "s")} it made or took out of a list, tree or map"
            : _heldSockets != 0 ? $"the program ended without releasing {_heldSockets} socket{(_heldSockets == 1 ? "" : "s")}"
            : $"the program ended without submitting or discarding {_reservedCount} ring buffer record{(_reservedCount == 1 ? "" : "s")}",
            "what a run takes it must give back; the VM has released it");

    /// <summary>Describes an address by the region it is nearest to.</summary>
    private string WhereIs(ulong address, ulong size)
    {
        if (address < 4096)
        {
            return address == 0 ? "the pointer is NULL: a lookup's result was not tested" : $"the pointer is NULL plus {address}: a lookup's result was not tested";
        }

        if (address >= ulong.MaxValue - 4096)
        {
            return $"the pointer is {(long)address}, an error number or a number used as a pointer";
        }

        if (Engine.MapOfHandle(address, Program) is { } handle)
        {
            return $"it is map '{handle.Name}' itself, not one of its values";
        }

        if (HostObject.TryRead(address, out HostObjectKind kind, out uint number))
        {
            return $"it stands for {kind.ToString().ToLowerInvariant()} {number}, an object outside of the program; helpers take it";
        }

        if (FunctionPointer.TryRead(address, out int function))
        {
            return $"it is the address of the function at instruction {function}";
        }

        string? best = null;
        ulong bestDistance = NearbyBytes;
        Consider("stack frame", State->FrameLow, FrameSize, address, size, ref best, ref bestDistance);
        for (int depth = State->Depth - 1; depth >= 0; depth--)
        {
            Consider($"stack frame {depth}", _stackLow + (ulong)((MaxFrames - 1 - depth) * FrameSize), FrameSize, address, size, ref best, ref bestDistance);
        }

        if (_layout is not null)
        {
            Consider($"context {_layout.Name}", (ulong)_context, (ulong)_layout.Size, address, size, ref best, ref bestDistance);
        }

        Consider(_kind == ProgramKind.Memory ? "memory" : "packet", State->PacketLow, State->PacketLength, address, size, ref best, ref bestDistance);
        for (int i = 0; i < _reservedCount; i++)
        {
            Consider($"record of ring buffer '{_reserved[i].Ring.Name}'", _reserved[i].Low, _reserved[i].Length, address, size, ref best, ref bestDistance);
        }

        if (Engine.MapMemory.TryFind(address, Program, out VmMap? map))
        {
            if (map.TryLocate(address, out MapRegion region))
            {
                Consider($"value of map '{map.Name}'", region.Low, region.Length, address, size, ref best, ref bestDistance);
            }
            else
            {
                best ??= $"inside map '{map.Name}', but in none of its values";
            }
        }

        return best ?? "no memory of the program is near";
    }

    private static void Consider(string name, ulong low, ulong length, ulong address, ulong size, ref string? best, ref ulong bestDistance)
    {
        ulong end = low + length;
        string text;
        ulong distance;
        if (address < low)
        {
            distance = low - address;
            text = $"{distance} byte{(distance == 1 ? "" : "s")} before {name} ({length} bytes)";
        }
        else if (address >= end)
        {
            distance = address - end;
            text = distance == 0 ? $"at the end of {name} ({length} bytes)" : $"{distance} byte{(distance == 1 ? "" : "s")} past the end of {name} ({length} bytes)";
        }
        else
        {
            distance = 0;
            ulong over = size > end - address ? size - (end - address) : 0;
            text = over > 0
                ? $"at offset {address - low} of {name} ({length} bytes), {over} byte{(over == 1 ? "" : "s")} past its end"
                : $"at offset {address - low} of {name} ({length} bytes)";
        }

        if (distance < bestDistance)
        {
            best = text;
            bestDistance = distance;
        }
    }
}
