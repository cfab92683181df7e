/* Joins the types of several objects as libbpf does: libbpf-dedup OUT IN... */
#include <stdio.h>
#include <bpf/btf.h>

int main(int count, char **words)
{
	struct btf *all = btf__new_empty();
	for (int i = 2; i < count; i++) {
		struct btf *one = btf__parse(words[i], NULL);
		if (!one || btf__add_btf(all, one) < 0)
			return 1;
		btf__free(one);
	}
	if (btf__dedup(all, NULL))
		return 2;
	unsigned int size;
	const void *data = btf__raw_data(all, &size);
	FILE *out = fopen(words[1], "w");
	return !out || fwrite(data, 1, size, out) != size || fclose(out) ? 3 : 0;
}
