// SPDX-License-Identifier: MIT
// The other side of the benchmark of kernel calls: elements looked up, and an object opened, loaded, attached and taken away again, by libbpf.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64

static struct bpf_object *the_object;
static struct bpf_link *the_links[MOST];

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

void calls_prepare(void)
{
	libbpf_set_print(silent);
}

/* Returns how many elements were found. */
int calls_lookup(int map, uint32_t keys, uint32_t rounds)
{
	uint64_t value;
	int found = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t key = i % keys;

		found += bpf_map_lookup_elem(map, &key, &value) == 0;
	}
	return found;
}

/* Returns how many elements were read. */
int calls_lookup_batch(int map, uint32_t count)
{
	uint32_t *keys = malloc(count * sizeof(*keys));
	uint64_t *values = malloc(count * sizeof(*values));
	uint64_t mark = 0;
	uint32_t read = count;

	bpf_map_lookup_batch(map, NULL, &mark, keys, values, &read, NULL);
	free(keys);
	free(values);
	return read;
}

/* names: of system calls, with a zero byte behind each */
int calls_attach(const char *path, const char *names, int times)
{
	struct bpf_program *program;

	the_object = bpf_object__open_file(path, NULL);
	if (!the_object || bpf_object__load(the_object))
		return -1;
	program = bpf_object__next_program(the_object, NULL);
	for (int i = 0; i < times; i++) {
		the_links[i] = bpf_program__attach_tracepoint(program, "syscalls", names);
		names += strlen(names) + 1;
		if (!the_links[i])
			return -1;
	}
	return 0;
}

void calls_detach(void)
{
	for (int i = 0; i < MOST && the_links[i]; i++) {
		bpf_link__destroy(the_links[i]);
		the_links[i] = NULL;
	}
	bpf_object__close(the_object);
}
