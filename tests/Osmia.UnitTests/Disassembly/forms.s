# Instructions of the fourth instruction set version and atomics, which C reaches only sometimes.
	.text
	.globl forms
forms:
	r1 = (s8)r2
	r1 = (s16)r2
	r1 = (s32)r2
	w1 = (s8)w2
	w1 = (s16)w2
	r1 = *(s8 *)(r2 + 1)
	r1 = *(s16 *)(r2 - 2)
	r1 = *(s32 *)(r2 + 32767)
	r1 s/= r2
	r1 s%= -7
	w1 s/= 3
	w1 s%= w2
	r3 = bswap16 r3
	r3 = bswap32 r3
	r3 = bswap64 r3
	r3 = be16 r3
	r3 = le64 r3
	gotol +100
	goto -3
	may_goto +5
	r1 = 0x123456789abcdef0 ll
	r1 = -1 ll
	*(u8 *)(r10 - 1) = 255
	*(u64 *)(r10 - 16) = -5
	lock *(u64 *)(r1 + 8) += r2
	lock *(u32 *)(r1 + 8) &= w2
	r2 = atomic_fetch_or((u64 *)(r1 - 8), r2)
	w2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)
	r2 = xchg_64(r1 + 8, r2)
	w2 = xchg32_32(r1 + 8, w2)
	r0 = cmpxchg_64(r1 + 8, r0, r2)
	w0 = cmpxchg32_32(r1 + 8, w0, w2)
	r1 = addr_space_cast(r2, 0, 1)
	if w1 s<= w2 goto +2
	if r1 & 0x7fffffff goto +2
	callx r3
	call 5
	exit
