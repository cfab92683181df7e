// Calls a function of the kernel that the virtual machine has not.
extern void bpf_key_put(void *key) __attribute__((section(".ksyms")));

__attribute__((section("tc"))) int absent(void *context)
{
	bpf_key_put(0);
	return 0;
}

char LICENSE[] __attribute__((section("license"))) = "GPL";
