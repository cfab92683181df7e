# A socket filter that the verifier accepts and walks from end to end, with one instruction of every form it can contain.
	.section socket,"ax",@progbits
	.globl accepted
	.p2align 3
	.type accepted,@function
accepted:
	r6 = r1
	r0 = *(u8 *)skb[12]
	r0 = *(u16 *)skb[12]
	r0 = *(u32 *)skb[12]
	r7 = 4
	r0 = *(u8 *)skb[r7]
	r0 = *(u32 *)skb[r7]
	r1 = *(u32 *)(r6 + 0)
	r2 = 0x123456789abcdef0 ll
	r3 = -1
	w4 = -1
	r1 += r2
	r1 -= r2
	r1 *= r2
	r1 |= r2
	r1 &= r2
	r1 ^= r2
	r1 += 5
	r1 -= -5
	r1 *= 3
	r1 /= 3
	r1 %= 3
	r1 |= 1
	r1 &= 255
	r1 ^= -2
	r1 <<= 3
	r1 >>= 3
	r1 s>>= 3
	w1 += w2
	w1 -= w2
	w1 *= 7
	w1 /= w2
	w1 %= w2
	w1 |= 2
	w1 &= w2
	w1 ^= w2
	w1 <<= 3
	w1 >>= 3
	w1 s>>= 3
	r1 = r2
	w1 = w2
	r1 = -r1
	w1 = -w1
	r1 = (s8)r2
	r1 = (s16)r2
	r1 = (s32)r2
	w1 = (s8)w2
	w1 = (s16)w2
	r1 s/= r2
	r1 s%= -7
	w1 s/= 3
	w1 s%= w2
	r1 = be16 r1
	r1 = be32 r1
	r1 = be64 r1
	r1 = le16 r1
	r1 = bswap16 r1
	r1 = bswap32 r1
	r1 = bswap64 r1
	*(u8 *)(r10 - 1) = 255
	*(u16 *)(r10 - 2) = 1
	*(u32 *)(r10 - 4) = -5
	*(u64 *)(r10 - 8) = -5
	*(u8 *)(r10 - 1) = r2
	*(u16 *)(r10 - 2) = r2
	*(u32 *)(r10 - 4) = r2
	*(u64 *)(r10 - 8) = r2
	r1 = *(u8 *)(r10 - 1)
	r1 = *(u16 *)(r10 - 2)
	r1 = *(u32 *)(r10 - 4)
	r1 = *(u64 *)(r10 - 8)
	r1 = *(s8 *)(r10 - 1)
	r1 = *(s16 *)(r10 - 2)
	r1 = *(s32 *)(r10 - 4)
	lock *(u64 *)(r10 - 8) += r2
	lock *(u64 *)(r10 - 8) |= r2
	lock *(u64 *)(r10 - 8) &= r2
	lock *(u64 *)(r10 - 8) ^= r2
	lock *(u32 *)(r10 - 8) += w2
	lock *(u32 *)(r10 - 8) |= w2
	r2 = atomic_fetch_add((u64 *)(r10 - 8), r2)
	r2 = atomic_fetch_or((u64 *)(r10 - 8), r2)
	r2 = atomic_fetch_and((u64 *)(r10 - 8), r2)
	r2 = atomic_fetch_xor((u64 *)(r10 - 8), r2)
	w2 = atomic_fetch_add((u32 *)(r10 - 8), w2)
	r2 = xchg_64(r10 - 8, r2)
	w2 = xchg32_32(r10 - 8, w2)
	r0 = 0
	r0 = cmpxchg_64(r10 - 8, r0, r2)
	w0 = cmpxchg32_32(r10 - 8, w0, w2)
	.byte 0xdb, 0xa1, 0xf8, 0xff, 0x00, 0x01, 0x00, 0x00 # r1 = load_acquire((u64 *)(r10 - 8))
	.byte 0xc3, 0x1a, 0xf8, 0xff, 0x10, 0x01, 0x00, 0x00 # store_release((u32 *)(r10 - 8), w1)
	if r1 == r2 goto +0
	if r1 != 5 goto +0
	if r1 > r2 goto +0
	if r1 >= -5 goto +0
	if r1 < 7 goto +0
	if r1 <= r2 goto +0
	if r1 s> 7 goto +0
	if r1 s>= -7 goto +0
	if r1 s< r2 goto +0
	if r1 s<= -2 goto +0
	if r1 & 8 goto +0
	if w1 == w2 goto +0
	if w1 != -5 goto +0
	if w1 > w2 goto +0
	if w1 s< -5 goto +0
	if w1 & w2 goto +0
	goto +0
	gotol +0
	may_goto +0
	call 5
	r1 = 3
	call second
	r0 = 0
	exit
	.size accepted, .-accepted

	.text
	.p2align 3
	.type second,@function
second:
	r0 = r1
	exit
	.size second, .-second

	.section license,"aw",@progbits
	.asciz "GPL"
