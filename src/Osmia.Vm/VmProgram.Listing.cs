using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Osmia.Vm.Compilation;
using Osmia.Vm.Compilation.X64;
using Osmia.Vm.Execution;

namespace Osmia.Vm;

// What a program was compiled to.
public sealed unsafe partial class VmProgram
{
    /// <summary>The code that runs the program, in the order it was written; empty when it is interpreted.</summary>
    public IReadOnlyList<CompiledPiece> DescribeCompiled()
    {
        ExecutionSlot slot = _engine.Slots.Lease();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _compiled switch
            {
                NativeFunctions native => native.Pieces(),
                MethodFunctions when RuntimeFeature.IsDynamicCodeCompiled => DescribeMethods(slot),
                _ => [],
            };
        }
        finally
        {
            slot.Return();
        }
    }

    /// <summary>Compiles once more, to see it written and to hear from the runtime where it puts the code.</summary>
    [RequiresDynamicCode("compiles the program to .NET code")]
    private List<CompiledPiece> DescribeMethods(ExecutionSlot slot)
    {
        using var jitted = new JittedMethods();
        string name = $"{Name}#{Id}";
        var logs = new List<(int Start, IlLog Log)>();
        MethodFunctions functions = ProgramCompiler.Compile(name, Code, Definition.Instructions.Length, Surroundings(), CompilationMode(), _engine.Slots.Count, out _, start =>
        {
            var log = new IlLog(start);
            logs.Add((start, log));
            return log;
        })!;
        var pieces = new List<CompiledPiece>();
        foreach ((int start, IlLog log) in logs)
        {
            pieces.AddRange(log.Pieces);
            CompiledFunction function = functions.At(start, slot);
            RuntimeHelpers.PrepareDelegate(function);
            if (jitted.Find(ProgramCompiler.NameOf(name, start)) is { } code)
            {
                pieces.Add(new(CompiledPiece.Frame, IsAside: false) { Machine = new ReadOnlySpan<byte>((void*)code.Address, code.Size).ToArray(), Address = code.Address, Function = start });
            }

            GC.KeepAlive(function);
        }

        return pieces;
    }
}
