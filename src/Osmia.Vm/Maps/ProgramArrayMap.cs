using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>Programs by index, for tail calls. The public face writes and reads <see cref="VmProgram.Id"/>.</summary>
internal sealed unsafe class ProgramArrayMap : VmMap
{
    private readonly VmProgram?[] _programs;
    private readonly Lock _gate = new();

    public ProgramArrayMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId) => _programs = new VmProgram?[definition.MaxEntries];

    public VmProgram? ProgramAt(uint index) => index < (uint)_programs.Length ? Volatile.Read(ref _programs[index]) : null;

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        if (flags != 0)
        {
            return -Errno.Invalid;
        }

        if (index >= (uint)_programs.Length)
        {
            return -Errno.TooBig;
        }

        VmProgram? program = Engine.ProgramOfId(Unsafe.ReadUnaligned<uint>(value));
        return program is null ? -Errno.NoEntry : Set(index, program);
    }

    /// <returns>0, or -EINVAL when the program's kind differs from those that are there.</returns>
    public int Set(uint index, VmProgram program)
    {
        VmProgram? old;
        lock (_gate)
        {
            if (Array.Exists(_programs, other => other is not null && other.Kind != program.Kind) || !program.TryAcquire())
            {
                return -Errno.Invalid;
            }

            old = _programs[index];
            Volatile.Write(ref _programs[index], program);
        }

        old?.Release();
        return 0;
    }

    public override int Remove(byte* key)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        if (index >= (uint)_programs.Length)
        {
            return -Errno.TooBig;
        }

        VmProgram? old;
        lock (_gate)
        {
            old = _programs[index];
            Volatile.Write(ref _programs[index], null);
        }

        old?.Release();
        return old is null ? -Errno.NoEntry : 0;
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        VmProgram? program = ProgramAt(Unsafe.ReadUnaligned<uint>(key));
        MemoryMarshal.Write(value, program?.Id ?? 0);
        return program is not null;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        uint index = key == null ? uint.MaxValue : Unsafe.ReadUnaligned<uint>(key);
        uint following = index >= (uint)_programs.Length ? 0 : index + 1;
        if (following >= (uint)_programs.Length)
        {
            return false;
        }

        MemoryMarshal.Write(next, following);
        return true;
    }

    /// <summary>
    /// The array lets go of its programs when the host lets go of the array, as the kernel's does: programs hold their maps, and a
    /// program in an array of its own object would otherwise never be freed.
    /// </summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            for (uint index = 0; index < (uint)_programs.Length; index++)
            {
                Remove((byte*)&index);
            }
        }

        base.Dispose(disposing);
    }
}
