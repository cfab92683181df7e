// SPDX-License-Identifier: MIT
// A small program that says what it does, to whom asks: cc -O1 -o target samples/usdt/target.c
#include <stdio.h>
#include "probe.h"

PROBE_SEMAPHORE(shop_refund_semaphore);

static volatile short pieces[4] = { 1, -2, 3, 4 };

__attribute__((noinline)) static void refund(int cents)
{
	// Only when somebody looks: the kernel counts that here.
	if (shop_refund_semaphore)
		PROBE1("shop", "refund", "shop_refund_semaphore", cents);
}

__attribute__((noinline)) static long sell(unsigned char item, long cents, const char *name)
{
	short count = pieces[item & 3];

	PROBE4("shop", "sale", "0", item, count, cents, name);
	if (count < 0)
		refund((int)cents);
	return count * cents;
}

int main(void)
{
	char name[] = "apple"; // in memory that is there: a probe cannot wait for a page
	long sum = 0;

	for (int i = 0; i < 13; i++)
		sum += sell((unsigned char)(200 + i), (1L << 33) + i, name);
	PROBE4("shop", "sale", "0", (unsigned char)7, (short)-1, sum, &name[0]);
	printf("%ld\n", sum);
	return 0;
}
