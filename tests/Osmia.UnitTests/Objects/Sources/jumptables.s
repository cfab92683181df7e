# SPDX-License-Identifier: MIT
# What clang 22 makes of a switch: a table of places, and a jump by it. Written in bytes where clang 19 has no word.
	.text
	.section xdp,"ax",@progbits
	.p2align 3
	.globl before
	.type before,@function
before:
	r0 = 1
	exit
.Lbefore_end:
	.size before, .Lbefore_end-before
	.globl choose
	.type choose,@function
choose:
	r2 = *(u32 *)(r1 + 12)
	if r2 > 2 goto other
	r3 = table ll
	r2 <<= 3
	r3 += r2
	r3 = *(u64 *)(r3 + 0)
	.byte 0x0d, 3, 0, 0, 0, 0, 0, 0
zero:
	r0 = 1
	exit
one:
	r0 = 2
	exit
other:
	r0 = 0
	exit
.Lchoose_end:
	.size choose, .Lchoose_end-choose
	.section license,"aw",@progbits
	.asciz "GPL"
	.section .jumptables,"a",@progbits
	.p2align 3
	.globl table
	.type table,@object
table:
	.quad zero-before
	.quad one-before
	.quad zero-before
	.size table, 24
