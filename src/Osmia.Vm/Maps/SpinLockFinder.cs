using Osmia.Btf;

namespace Osmia.Vm.Maps;

/// <summary>Finds the struct bpf_spin_lock in a map's value type: a direct member, as the kernel demands.</summary>
internal static class SpinLockFinder
{
    private const int LockSize = 4;

    /// <returns>The lock's offset in the value, or -1.</returns>
    public static int OffsetIn(BtfTypes types, TypeId value, uint valueSize)
    {
        BtfType type = types.Resolve(value);
        if (type.Kind != BtfKind.Struct)
        {
            return -1;
        }

        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            BtfType memberType = types.Resolve(member.Type);
            if (memberType.Kind == BtfKind.Struct && memberType.NameBytes.SequenceEqual("bpf_spin_lock"u8) && member.ByteOffset % LockSize == 0 && member.ByteOffset + LockSize <= valueSize)
            {
                return member.ByteOffset;
            }
        }

        return -1;
    }
}
