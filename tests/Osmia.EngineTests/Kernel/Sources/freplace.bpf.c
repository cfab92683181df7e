/* A program with a global function, and one that takes the function's place. */
#include "../../../../samples/include/osmia_helpers.h"

char LICENSE[] SEC("license") = "GPL";

__attribute__((noinline)) int answer(struct __sk_buff *skb)
{
	volatile int number = 11;

	return number;
}

SEC("tc")
int whole(struct __sk_buff *skb)
{
	return answer(skb);
}

SEC("freplace/answer")
int instead(struct __sk_buff *skb)
{
	return 55;
}
