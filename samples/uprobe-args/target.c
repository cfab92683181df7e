// SPDX-License-Identifier: MIT
// A small program to look into: cc -O1 -o target samples/uprobe-args/target.c
#include <stdio.h>

__attribute__((noinline)) int weigh(int apples, int pears, const char *label)
{
	__asm__ volatile("" ::"r"(label) : "memory");
	return apples * 100 + pears;
}

int main(void)
{
	char label[] = "basket"; // in memory that is there: a probe cannot wait for a page
	int sum = 0;

	for (int i = 1; i <= 13; i++)
		sum += weigh(i, 2 * i, label);
	printf("%d\n", sum);
	return 0;
}
