using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>Programs by index, for tail calls. The public face writes and reads <see cref="VmProgram.Id"/>.</summary>
internal sealed unsafe class ProgramArrayMap : VmMap
{
    private const int SmallestTable = 64;

    private readonly Lock _gate = new();

    // As long as the highest index that was set needs, and only replaced by a longer one: most arrays are far from full.
    private VmProgram?[] _programs = [];
    private int _count;

    public ProgramArrayMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
    }

    public VmProgram? ProgramAt(uint index)
    {
        VmProgram?[] programs = Volatile.Read(ref _programs);
        return index < (uint)programs.Length ? Volatile.Read(ref programs[index]) : null;
    }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        if (flags != 0)
        {
            return -Errno.Invalid;
        }

        if (index >= Definition.MaxEntries)
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
            // All are of one kind: the first that is found tells.
            VmProgram? other = _count == 0 ? null : Array.Find(_programs, static one => one is not null);
            if (other is not null && other.Kind != program.Kind)
            {
                return -Errno.Invalid;
            }

            if (!TryReach(index))
            {
                return -Errno.NoMemory;
            }

            if (!program.TryAcquire())
            {
                return -Errno.Invalid;
            }

            old = _programs[index];
            _count += old is null ? 1 : 0;
            Volatile.Write(ref _programs[index], program);
        }

        old?.Release();
        return 0;
    }

    public override int Remove(byte* key)
    {
        uint index = Unsafe.ReadUnaligned<uint>(key);
        if (index >= Definition.MaxEntries)
        {
            return -Errno.TooBig;
        }

        VmProgram? old;
        lock (_gate)
        {
            old = ProgramAt(index);
            if (old is not null)
            {
                _count--;
                Volatile.Write(ref _programs[index], null);
            }
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

    protected override bool Next(byte* key, Span<byte> next) => NextIndex(key, next, Definition.MaxEntries);

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

    private bool TryReach(uint index)
    {
        if (index < (uint)_programs.Length)
        {
            return true;
        }

        try
        {
            var longer = new VmProgram?[Math.Min(Math.Max(Math.Max(SmallestTable, index + 1L), 2L * _programs.Length), Definition.MaxEntries)];
            _programs.CopyTo(longer, 0);
            Volatile.Write(ref _programs, longer);
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    private protected override string Explain(int errno) => errno switch
    {
        Errno.NoEntry => "no program of this engine has that id: a value is a program's VmProgram.Id",
        Errno.Invalid => "the programs of an array are all of one type, and are put there without a mode",
        _ => base.Explain(errno),
    };
}
