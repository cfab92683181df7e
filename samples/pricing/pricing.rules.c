// SPDX-License-Identifier: MIT
// Rules of a shop, as plug-ins of a .NET program: each sees an order, may change its discount, and decides or hands on.
//
// 0 hands the order on to the next rule; any other value is the answer.
#include "osmia_helpers.h"
#include "pricing.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum answer {
	NEXT = 0,
	REFUSED = 1,
	OUT_OF_STOCK = 2,
};

// Most pieces of an article that one order may have; the shop fills it while rules run.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} limits SEC(".maps");

SEC("pricing/limit")
int limit(struct Order *order)
{
	__u32 article = order->Article;
	__u32 *most = bpf_map_lookup_elem(&limits, &article);

	if (most && order->Quantity > *most) {
		char why[] = "too many";

		note(order, why, sizeof(why) - 1);
		return REFUSED;
	}

	return stock_of(article) < order->Quantity ? OUT_OF_STOCK : NEXT;
}

// A tenth off from ten pieces on.
SEC("pricing/volume")
int volume(struct Order *order)
{
	if (order->Quantity >= 10)
		order->Discount += order->Price * order->Quantity / 10;
	return NEXT;
}

// Takes the place of `volume` in spring: a fifth off from five pieces on.
SEC("pricing/spring")
int spring(struct Order *order)
{
	if (order->Quantity >= 5)
		order->Discount += order->Price * order->Quantity / 5;
	return NEXT;
}

// A rule that the shop does not take: it reads what the lookup may not have found.
SEC("pricing/careless")
int careless(struct Order *order)
{
	__u32 article = order->Article;
	__u32 *most = bpf_map_lookup_elem(&limits, &article);

	return order->Quantity > *most;
}
