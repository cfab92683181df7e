/* Programs of hook 'pricing' stand in SEC("pricing") or SEC("pricing/NAME"). */
#pragma once

struct Order {
	unsigned int Article;
	unsigned int Quantity;
	unsigned long long Price;
	unsigned long long Discount; /* writable */
};

_Static_assert(sizeof(struct Order) == 24, "the layout of the application");

static unsigned int (*const stock_of)(unsigned int) = (void *) 65536;

static int (*const note)(struct Order *context, const void *bytes, unsigned long long size) = (void *) 65537;
