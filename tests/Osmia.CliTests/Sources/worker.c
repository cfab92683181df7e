// SPDX-License-Identifier: MIT
// Waits for a line, then calls osmia_work as often as the first argument says.
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) int osmia_work(int i)
{
	__asm__ volatile("" : "+r"(i));
	return i + 1;
}

int main(int argc, char **argv)
{
	int sum = 0;

	getchar();
	for (int i = 0; i < atoi(argv[1]); i++)
		sum = osmia_work(sum);
	return sum == atoi(argv[1]) ? 0 : 1;
}
