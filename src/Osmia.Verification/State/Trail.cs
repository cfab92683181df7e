namespace Osmia.Verification.State;

/// <summary>
/// Every instruction walked, in order: the ways that paths took, from which the present path is read backwards. A path that was put aside
/// goes on behind a link to where it was left, so that nothing is copied when paths part.
/// </summary>
/// <remarks>Eight bytes an instruction; a walk of a million instructions has at most sixteen megabytes of it.</remarks>
internal sealed class Trail
{
    private const int Beginning = int.MinValue;

    private int[] _slots = new int[256];
    private TrailNote[] _notes = new TrailNote[256];
    private ulong[] _linked = [];
    private int _linkedCount;

    /// <summary>Behind the last instruction: what <see cref="Resume"/> takes to go on from here.</summary>
    public int End { get; private set; }

    /// <summary>The instruction that is walked now.</summary>
    /// <param name="depth">Index of the frame it is walked in.</param>
    public void Add(int slot, int depth) => Append(slot, new TrailNote((uint)depth));

    /// <summary>The last instruction reads or writes the register that stands in a stack slot.</summary>
    public void NoteStack(int frame, int stackSlot) => _notes[End - 1] = _notes[End - 1].WithStack(frame, stackSlot);

    /// <summary>What the last instruction learned, or will have learned, holds for all of these.</summary>
    public void NoteLinked(LinkedPlaces places)
    {
        if (_linkedCount == _linked.Length)
        {
            Array.Resize(ref _linked, Math.Max(16, 2 * _linkedCount));
        }

        _linked[_linkedCount] = places.Packed;
        _notes[End - 1] = _notes[End - 1].WithLinked(_linkedCount++);
    }

    /// <summary>The next instruction follows the one before <paramref name="end"/>.</summary>
    public void Resume(int end)
    {
        if (end != End)
        {
            Append(~end, default);
        }
    }

    /// <summary>The next instruction follows none: another entry into the program.</summary>
    public void Begin() => Append(Beginning, default);

    /// <summary>The instruction before a place, and its own place in <paramref name="end"/>.</summary>
    /// <param name="until">Where reading ends.</param>
    /// <returns>False when <paramref name="until"/> or the path's beginning is reached.</returns>
    public bool TryStepBack(ref int end, int until, out int slot, out TrailNote note)
    {
        while (end != until && end > 0)
        {
            slot = _slots[--end];
            if (slot >= 0)
            {
                note = _notes[end];
                return true;
            }

            if (slot == Beginning)
            {
                break;
            }

            end = ~slot;
        }

        (slot, note) = (0, default);
        return false;
    }

    public LinkedPlaces LinkedAt(TrailNote note) => new(_linked[note.LinkedIndex]);

    private void Append(int slot, TrailNote note)
    {
        if (End == _slots.Length)
        {
            Array.Resize(ref _slots, 2 * End);
            Array.Resize(ref _notes, 2 * End);
        }

        _slots[End] = slot;
        _notes[End++] = note;
    }
}

/// <summary>What an instruction of a trail did that is not seen from the instruction: packed, as there are very many.</summary>
internal readonly record struct TrailNote(uint Packed)
{
    private const uint Stack = 1 << 3;
    private const uint Linked = 1 << 4;
    private const int Payload = 5;

    /// <summary>Index of the frame the instruction was walked in.</summary>
    public int Depth => (int)(Packed & 7);

    /// <summary>It loaded or stored a whole spilled register: <see cref="Frame"/> and <see cref="StackSlot"/> say which.</summary>
    public bool IsStack => (Packed & Stack) != 0;

    public bool HasLinked => (Packed & Linked) != 0;

    public int Frame => (int)(Packed >> Payload) & 7;

    public int StackSlot => (int)(Packed >> (Payload + 3)) & 63;

    public int LinkedIndex => (int)(Packed >> Payload);

    public TrailNote WithStack(int frame, int slot) => new((Packed & 7) | Stack | (uint)(frame | slot << 3) << Payload);

    public TrailNote WithLinked(int index) => new((Packed & 7) | Linked | (uint)index << Payload);
}

/// <summary>
/// Registers and stack slots that hold numbers with one id. There is room for six, as in the kernel; what comes later is not linked.
/// </summary>
internal readonly record struct LinkedPlaces(ulong Packed)
{
    private const int Room = 6;
    private const int Bits = 10;
    private const int CountShift = Room * Bits;

    public int Count => (int)(Packed >> CountShift);

    public bool IsFull => Count == Room;

    public (int Frame, bool IsStack, int Index) this[int place]
    {
        get
        {
            int packed = (int)(Packed >> (place * Bits)) & 0x3ff;
            return (packed & 7, (packed & 8) != 0, packed >> 4);
        }
    }

    public LinkedPlaces With(int frame, bool isStack, int index) =>
        new((Packed | ((ulong)(frame | (isStack ? 8 : 0) | index << 4) << (Count * Bits))) + (1UL << CountShift));
}
