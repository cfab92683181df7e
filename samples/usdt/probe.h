/* SPDX-License-Identifier: MIT */
/*
 * Probes in a program: a nop, and beside the code a note of where it stands and where the probe's arguments lie, as the
 * assembler writes them (section .note.stapsdt; owner "stapsdt", type 3). A program that nobody looks into pays the nop.
 */
#ifndef PROBE_H
#define PROBE_H

/* Bytes of an argument, negative when it has a sign. */
#define PROBE_SIZE(it) ((__typeof__(it))-1 < (__typeof__(it))1 ? -(int)sizeof(it) : (int)sizeof(it))
#define PROBE_ARGUMENT(number, it) [size##number] "i"(PROBE_SIZE(it)), [value##number] "nor"(it)
#define PROBE_TEXT(number) "%c[size" #number "]@%[value" #number "]"

#define PROBE_NOTE(provider, name, semaphore, arguments, ...)                         \
	__asm__ volatile("990:	nop\n"                                                \
			 ".pushsection .note.stapsdt, \"\", \"note\"\n"               \
			 ".balign 4\n"                                                \
			 ".4byte 992f - 991f, 994f - 993f, 3\n"                       \
			 "991:	.asciz \"stapsdt\"\n"                                 \
			 "992:	.balign 4\n"                                          \
			 "993:	.8byte 990b, _.stapsdt.base, " semaphore "\n"         \
			 ".asciz \"" provider "\", \"" name "\", \"" arguments "\"\n" \
			 "994:	.balign 4\n"                                          \
			 ".popsection" ::__VA_ARGS__)

#define PROBE1(provider, name, semaphore, a) \
	PROBE_NOTE(provider, name, semaphore, PROBE_TEXT(1), PROBE_ARGUMENT(1, a))
#define PROBE4(provider, name, semaphore, a, b, c, d)                                                               \
	PROBE_NOTE(provider, name, semaphore, PROBE_TEXT(1) " " PROBE_TEXT(2) " " PROBE_TEXT(3) " " PROBE_TEXT(4), \
		   PROBE_ARGUMENT(1, a), PROBE_ARGUMENT(2, b), PROBE_ARGUMENT(3, c), PROBE_ARGUMENT(4, d))

/* Tools that move programs in memory move this section too: its place tells them apart. */
__asm__(".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"
	".weak _.stapsdt.base\n"
	".hidden _.stapsdt.base\n"
	"_.stapsdt.base: .space 1\n"
	".size _.stapsdt.base, 1\n"
	".popsection");

/* The kernel counts in it who looks at a probe. */
#define PROBE_SEMAPHORE(name) __attribute__((section(".probes"), used, visibility("hidden"))) volatile unsigned short name

#endif
