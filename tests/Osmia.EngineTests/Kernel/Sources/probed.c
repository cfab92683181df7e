// A program with two USDT probes, written by hand as the assembler sees them: a note for each place, and a semaphore for one of them.
#include <stdio.h>
#include <string.h>

#ifdef __x86_64__
#define NOTE(provider, probe, semaphore, arguments, ...) \
    __asm__ __volatile__("990: nop\n" \
        ".pushsection .note.stapsdt,\"\",\"note\"\n" \
        ".balign 4\n" \
        ".4byte 992f-991f, 994f-993f, 3\n" \
        "991: .asciz \"stapsdt\"\n" \
        "992: .balign 4\n" \
        "993: .8byte 990b\n" \
        ".8byte probed_base\n" \
        ".8byte " semaphore "\n" \
        ".asciz \"" provider "\"\n" \
        ".asciz \"" probe "\"\n" \
        ".asciz \"" arguments "\"\n" \
        "994: .balign 4\n" \
        ".popsection\n" :: __VA_ARGS__)
#endif

__asm__(".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n.weak probed_base\n.hidden probed_base\nprobed_base: .space 1\n.size probed_base, 1\n.popsection\n");

__attribute__((section(".probes"), used, visibility("hidden"))) volatile unsigned short probed_semaphore;

static volatile int narrow = -7;
static volatile long wide = 1l << 40;

__attribute__((noinline)) void work(int first, long second)
{
    NOTE("probed", "plain", "0", "-4@%0 8@%1 4@$9", "r"(first), "m"(second));
}

__attribute__((noinline)) void guarded(int value)
{
    NOTE("probed", "guarded", "probed_semaphore", "-4@%0", "r"(value));
}

int main(void)
{
    char line[16];
    if (!fgets(line, sizeof(line), stdin))
    {
        return 1;
    }

    for (int i = 0; i < 10; i++)
    {
        work(narrow, wide + i);
        guarded(i);
    }

    printf("%d\n", probed_semaphore);
    return 0;
}
