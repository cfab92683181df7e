namespace Osmia.Vm.Loading;

/// <summary>
/// What a register holds after loading the address of a local function: a slot number under a tag that is no address,
/// so that only helpers taking callbacks can use it.
/// </summary>
internal static class FunctionPointer
{
    private const ulong Tag = 0xfffe_b000_0000_0000;

    public static ulong Of(int slot) => Tag | (uint)slot;

    public static bool TryRead(ulong value, out int slot)
    {
        slot = (int)(uint)value;
        return (value & 0xffff_ffff_0000_0000) == Tag && slot >= 0;
    }
}
