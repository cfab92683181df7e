using System.Runtime.InteropServices;
using Osmia.Bytecode;

namespace Osmia.Bench;

/// <summary>A program in ubpf, a shared library that the caller names: interpreted, with its bounds checks as they are by default, or compiled, which checks nothing.</summary>
internal sealed unsafe class UbpfProgram : IDisposable
{
    private readonly nint _library;
    private readonly void* _machine;
    private readonly delegate* unmanaged<void*, byte*, nuint, ulong*, int> _run;
    private readonly delegate* unmanaged<void*, void> _destroy;
    private delegate* unmanaged<byte*, nuint, ulong> _compiled;

    public UbpfProgram(string library, ReadOnlySpan<Instruction> program)
    {
        _library = NativeLibrary.Load(Path.GetFullPath(library));
        _run = (delegate* unmanaged<void*, byte*, nuint, ulong*, int>)NativeLibrary.GetExport(_library, "ubpf_exec");
        _destroy = (delegate* unmanaged<void*, void>)NativeLibrary.GetExport(_library, "ubpf_destroy");
        var create = (delegate* unmanaged<void*>)NativeLibrary.GetExport(_library, "ubpf_create");
        var load = (delegate* unmanaged<void*, byte*, uint, byte**, int>)NativeLibrary.GetExport(_library, "ubpf_load");
        _machine = create();
        byte* problem = null;
        fixed (byte* code = MemoryMarshal.AsBytes(program))
        {
            if (load(_machine, code, (uint)(program.Length * Instruction.SizeInBytes), &problem) != 0)
            {
                throw new InvalidOperationException($"ubpf does not take the program: {Marshal.PtrToStringUTF8((nint)problem)}");
            }
        }
    }

    /// <returns>r0 of the last run.</returns>
    public ulong Run(byte[] memory, int repeat)
    {
        ulong result = 0;
        fixed (byte* data = memory)
        {
            for (int i = 0; i < repeat; i++)
            {
                if (_run(_machine, data, (nuint)memory.Length, &result) != 0)
                {
                    throw new InvalidOperationException("ubpf stopped the program");
                }
            }
        }

        return result;
    }

    /// <returns>r0 of the last run of the machine code.</returns>
    public ulong RunCompiled(byte* memory, int length, int repeat)
    {
        if (_compiled == null)
        {
            var compile = (delegate* unmanaged<void*, byte**, delegate* unmanaged<byte*, nuint, ulong>>)NativeLibrary.GetExport(_library, "ubpf_compile");
            const nuint EnoughForLargePrograms = 8 << 20;
            _ = ((delegate* unmanaged<void*, nuint, int>)NativeLibrary.GetExport(_library, "ubpf_set_jit_code_size"))(_machine, EnoughForLargePrograms);
            byte* problem = null;
            _compiled = compile(_machine, &problem);
            if (_compiled == null)
            {
                throw new InvalidOperationException($"ubpf does not compile the program: {Marshal.PtrToStringUTF8((nint)problem)}");
            }
        }

        ulong result = 0;
        for (int i = 0; i < repeat; i++)
        {
            result = _compiled(memory, (nuint)length);
        }

        return result;
    }

    public void Dispose()
    {
        _destroy(_machine);
        NativeLibrary.Free(_library);
    }
}
