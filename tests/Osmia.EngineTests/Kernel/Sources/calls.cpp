// Functions of C++ within each other, compiled with frame pointers; the innermost calls the kernel, without the C library's help, and waits.
#include <cstdio>
#include <unistd.h>

struct basket { int apples; };

__attribute__((noinline)) int innermost(const basket &what)
{
    puts("in the middle");
    fflush(stdout);
    for (int i = 0; i < 600; i++)
    {
        long result = 110; // getppid

        asm volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
        if (result == 1)
            break;
        usleep(50000);
    }
    return what.apples;
}

namespace shop {
template <typename T> __attribute__((noinline)) T middle(T count)
{
    basket full{count};
    T result = innermost(full);
    asm volatile("" ::"r"(result));
    return result + 1;
}
}

int main()
{
    return shop::middle<int>(3) == 4 ? 0 : 1;
}
