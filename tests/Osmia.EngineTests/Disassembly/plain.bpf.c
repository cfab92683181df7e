// Code that the kernel leaves as it is: no helper it inlines, no field of the context, nothing dead.
typedef unsigned int __u32;

__attribute__((noinline)) int twice(int number, __u32 times)
{
	int sum = 0;

	for (__u32 i = 0; i < 8 && i < times; i++)
		sum += number ^ (sum << 3);
	return sum;
}

__attribute__((section("socket"), used)) int plain(void *context)
{
	int stack[4] = { 1, 2, 3, 4 };

	asm volatile("" ::"r"(&stack) : "memory");
	return twice(stack[1], stack[2]) > stack[3];
}

char LICENSE[] __attribute__((section("license"), used)) = "GPL";
