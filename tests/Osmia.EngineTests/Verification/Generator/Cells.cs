namespace Osmia.Tests.Verification.Generator;

/// <summary>The generator's own small model of a register: enough to choose what is allowed next.</summary>
/// <param name="Most">Of a number, its largest unsigned value.</param>
/// <param name="Offset">Of a pointer, from the start of what it points into; of a stack pointer, from the frame pointer.</param>
/// <param name="Size">Bytes that may be touched from offset 0 on.</param>
/// <param name="Map">Index of the map, of maps and what is in them.</param>
/// <param name="Id">Pointers with the same id are null together.</param>
internal readonly record struct Cell(Held Kind, ulong Most = 0, int Offset = 0, int Size = 0, int Map = 0, int Id = 0)
{
    public static Cell Number(ulong most = ulong.MaxValue) => new(Held.Number, most);

    public bool IsNumber => Kind == Held.Number;

    /// <summary>Memory that can be read and written through it.</summary>
    public bool IsMemory => Kind is Held.Value or Held.Record or Held.Packet or Held.OuterStack;
}

/// <summary>Registers and stack of one function at one place.</summary>
internal sealed class Cells
{
    /// <summary>Slots of eight bytes below r10 that the generator uses; slot 0 is at r10 - 8.</summary>
    public const int Slots = 24;

    public Cell[] Registers { get; private init; } = new Cell[10];

    /// <summary>What was spilled whole.</summary>
    public Cell[] Spilled { get; private init; } = new Cell[Slots];

    /// <summary>All eight bytes were written.</summary>
    public bool[] Written { get; private init; } = new bool[Slots];

    public Cells Copy() => new() { Registers = (Cell[])Registers.Clone(), Spilled = (Cell[])Spilled.Clone(), Written = (bool[])Written.Clone() };

    /// <summary>What holds whichever of two ways was taken.</summary>
    public void Join(Cells other)
    {
        for (int i = 0; i < Slots; i++)
        {
            // Perhaps a pointer, perhaps not: its bytes are not to be read.
            bool isBoth = Spilled[i] == other.Spilled[i] || (Spilled[i].Kind is Held.Number or Held.Nothing && other.Spilled[i].Kind is Held.Number or Held.Nothing);
            Written[i] &= other.Written[i] && isBoth;
        }

        Join(Registers, other.Registers);
        Join(Spilled, other.Spilled);
    }

    private static void Join(Cell[] cells, Cell[] others)
    {
        for (int i = 0; i < cells.Length; i++)
        {
            (Cell left, Cell right) = (cells[i], others[i]);
            cells[i] = left == right ? left
                : left.IsNumber && right.IsNumber ? Cell.Number(Math.Max(left.Most, right.Most))
                : left.Kind == Held.Packet && right.Kind == Held.Packet && left.Offset == right.Offset ? left with { Size = Math.Min(left.Size, right.Size) }
                : default;
        }
    }
}
