/* The libbpf side of the benchmark "btf": opens the kernel's types and finds one by name. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>

const char *types_version(void)
{
	return libbpf_version_string();
}

/* id of the struct, or a negative error */
int types_find(const char *path, const char *name)
{
	struct btf *btf = path ? btf__parse(path, NULL) : btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -1;

	btf__free(btf);
	return id;
}
