using Osmia.Bytecode;
using Osmia.Verification.Facts;
using Osmia.Vm.Helpers;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

/// <summary>What a program finds around it: its context, and the maps of its object.</summary>
/// <param name="countsBytes">What a lookup reads counts against the run.</param>
internal sealed class ProgramSurroundings(ProgramKind kind, ContextLayout? layout, ContextUsers users, VmMap[] maps, VerificationFacts? facts, bool[] callbacks, bool countsBytes = false)
{
    private readonly bool _hasUserPointers = Array.Exists(maps, map => map.Kept.HasUserPointers);

    public ProgramKind Kind { get; } = kind;

    /// <summary>r1 is a structure whose loads may yield pointers; without one it is memory like any other.</summary>
    public bool HasContext => layout is not null;

    /// <summary>The object has maps of which a run must give back what it takes: ring buffer records, spin locks.</summary>
    public bool HasLoans { get; } = Array.Exists(maps, map => map is RingBufferMap || map.SpinLockOffset >= 0);

    /// <summary>By slot, whether helpers may call the function that begins there.</summary>
    public bool[] Callbacks { get; } = callbacks;

    /// <summary>The verifier accepted the program.</summary>
    public bool IsVerified => facts is not null;

    /// <summary>A helper may move the packet, or call something that does.</summary>
    public bool MovesPacket(int helper) => HasContext && VmHelpers.MovesPacket(helper);

    /// <summary>What the verifier found of an access; null when nothing has verified the program, or the memory is not proved to be there.</summary>
    public AccessFact? ProofOf(int slot) => slot >= 0 && facts?.AccessAt(slot) is { NeedsCheck: false } proved ? proved : null;

    /// <summary>
    /// Whether a proved access to such memory may be made as it is. What a caller or helper handed out counts, unless it may have come out of a map's user pointer: another program,
    /// which nobody verified, may have written that.
    /// </summary>
    public bool IsOwnMemory(ValueKind region) =>
        region is ValueKind.Stack or ValueKind.MapValue or ValueKind.Packet or ValueKind.PacketMeta || (region == ValueKind.Memory && !_hasUserPointers);

    /// <summary>The offset in the context at which a verified access begins; null when it is none, or not always the same.</summary>
    public long? ContextOffset(int slot) => ProofOf(slot) is { Region: ValueKind.Context, Offset.IsConstant: true } proved ? (long)proved.Offset.Value : null;

    /// <summary>The most that a register holds before an instruction, as far as the verifier found.</summary>
    public ulong MaximumOf(int slot, int register) =>
        facts?.RegisterAt(slot, (Register)register) is { Kind: ValueKind.Number } number ? number.Value.Wide.UMax : ulong.MaxValue;

    /// <summary>The ways that a branch goes, when the verifier found them.</summary>
    public BranchFact BranchAt(int slot) => facts?.BranchAt(slot) ?? BranchFact.Both;

    /// <summary>What r1 holds when the program begins.</summary>
    public Fact EntryPointer => HasContext ? new(FactKind.Context, 0) : new(FactKind.PacketLike);

    /// <summary>The context field that an access meets; null when it may not be made.</summary>
    public ContextField? FieldAt(long offset, int size, bool isWrite)
    {
        if (layout is null || offset < 0 || offset >= layout.Size)
        {
            return null;
        }

        ContextField? field = layout.FieldAt((int)offset);
        return field is not null && ((isWrite ? field.Writers : field.Readers) & users) != 0 && field.Allows((int)offset, size, isWrite) ? field : null;
    }

    public bool IsInMap(ulong address) => MapAt(address) is not null;

    /// <summary>The map in whose memory an address lies.</summary>
    public VmMap? MapAt(ulong address) => Array.Find(maps, map => address - map.MemoryStart < map.MemoryLength);

    /// <summary>The part of an array's memory that an address lies in, when programs have its address.</summary>
    public MapRegion? RegionOf(ulong address)
    {
        foreach (VmMap map in maps)
        {
            if (map is ArrayMap && address - map.MemoryStart < map.MemoryLength && map.TryLocate(address, out MapRegion region))
            {
                return region;
            }
        }

        return null;
    }

    /// <summary>The index of the map that a register value stands for; -1 when it is none of the object's.</summary>
    public int MapOfHandle(ulong value) => Array.FindIndex(maps, map => map.Handle == value);

    public VmMap Map(int index) => maps[index];

    /// <summary>A lookup gives null or the address of a value that stays memory of the program's as long as it runs, and counts nothing.</summary>
    public bool GivesValues(int index) => (maps[index] is ArrayMap or HashMap || (maps[index] is LpmTrieMap && !countsBytes)) && maps[index] is { IsReadableByProgram: true, FirstCpu: 0 };
}
