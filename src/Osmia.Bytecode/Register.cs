namespace Osmia.Bytecode;

/// <summary>RFC 9669 section 2: r0 returns, r1-r5 pass arguments, r6-r9 are kept over calls, r10 is the read-only frame pointer.</summary>
public enum Register : byte
{
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
}
