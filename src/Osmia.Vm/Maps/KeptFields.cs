using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Verification.Walk;

namespace Osmia.Vm.Maps;

/// <summary>
/// The places of a value that hold locks, timers, pointers to objects, lists and trees: updates leave them as they are, a new value has zeros there, and
/// whoever reads a copy sees zeros.
/// </summary>
/// <remarks>Source: <c>copy_map_value</c> and <c>check_and_init_map_value</c> of include/linux/bpf.h; tried on Linux 6.18.</remarks>
internal sealed unsafe class KeptFields
{
    private readonly (int Offset, int Size)[] _places;

    private KeptFields((int Offset, int Size)[] places, int spinLock, bool hasUserPointers)
    {
        _places = places;
        SpinLockOffset = spinLock;
        HasUserPointers = hasUserPointers;
    }

    public static KeptFields None { get; } = new([], -1, false);

    public bool Any => _places.Length != 0;

    /// <summary>Where a value holds a struct bpf_spin_lock; -1 without one.</summary>
    public int SpinLockOffset { get; }

    /// <summary>A value holds pointers to memory of its owner (<c>__uptr</c>), which a program reads as they stand there.</summary>
    public bool HasUserPointers { get; }

    /// <exception cref="Runtime.MapException">There are more than the kernel takes.</exception>
    public static KeptFields Of(LinkedMap map, BtfTypes? types)
    {
        if (types is null || map.ValueType.Value == 0)
        {
            return None;
        }

        try
        {
            SpecialFields fields = SpecialFields.Of(types, map.ValueType);
            (int, int)[] places = [.. fields.All.Where(field => field.Offset + field.Size <= map.ValueSize).Select(field => (field.Offset, field.Size))];
            return places.Length == 0 ? None : new KeptFields(places, fields.First(SpecialKind.SpinLock)?.Offset ?? -1, fields.First(SpecialKind.UserPointer) is not null);
        }
        catch (VerdictException refusal)
        {
            throw new Runtime.MapException(
                new Diagnostic(DiagnosticIds.BadMapDefinition, $"map '{map.Name}' cannot be created: {Errno.NameOf(Errno.TooBig)}") { Why = refusal.Message, Try = "correct the value's type; the kernel refuses it too" },
                map.Name, Errno.TooBig);
        }
    }

    /// <summary>Copies a value, all but these fields.</summary>
    public void Copy(byte* target, byte* source, int size)
    {
        int from = 0;
        foreach ((int offset, int length) in _places)
        {
            Buffer.MemoryCopy(source + from, target + from, offset - from, offset - from);
            from = offset + length;
        }

        Buffer.MemoryCopy(source + from, target + from, size - from, size - from);
    }

    /// <summary>Puts zeros into these fields of a value.</summary>
    public void Clear(byte* value)
    {
        foreach ((int offset, int length) in _places)
        {
            new Span<byte>(value + offset, length).Clear();
        }
    }
}
