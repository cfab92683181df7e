using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Arenas: memory shared with user space. A cast makes a pointer of any number; accesses that miss do no harm.
internal sealed partial class PathWalk
{
    private const int ToKernel = 1;
    private const int ToUser = 1 << 16;

    /// <param name="spaces">The address space that is left in the low half, the one that is entered in the high half.</param>
    private RegisterState CastAddressSpace(int spaces)
    {
        if (spaces is not (ToKernel or ToUser))
        {
            throw Stop.Reject(CheckFamily.Encoding, "addresses are cast between address spaces 0 and 1 only");
        }

        if (!HasArena)
        {
            throw Stop.Reject(CheckFamily.Encoding, "addresses are cast in programs that use an arena only");
        }

        return spaces == ToKernel ? RegisterState.Pointer(RegisterKind.Arena) : RegisterState.Unknown;
    }

    private RegisterState AccessArena()
    {
        Instruction instruction = _code[Slot];
        // Compilers for the machine know only some instructions on memory that may not be there.
        bool isPlain = instruction.Opcode.Mode == Mode.Mem
            || (instruction.Opcode.Mode == Mode.Atomic && (instruction.Immediate & ~AtomicOperation.Fetch) == 0);
        return isPlain ? RegisterState.Unknown : throw Stop.NotModelled("signed loads and rarer atomic instructions in arenas");
    }

    /// <summary>Some instruction of the program, reached or not, names an arena.</summary>
    private bool HasArena
    {
        get
        {
            foreach (Instruction instruction in _code)
            {
                if (instruction.IsWide && instruction.SourceKind is PseudoLoad.MapIndex or PseudoLoad.MapIndexValue
                    && (uint)instruction.Immediate < (uint)_scope.Maps.Count && _scope.Maps[instruction.Immediate] is LinkedMap { Type: MapType.Arena })
                {
                    return true;
                }
            }

            return false;
        }
    }
}
