// SPDX-License-Identifier: MIT
// Loads an object with libbpf and prints what it handed to the kernel: one line per program, "program NAME HEX", after relocation.
// Lines "map NAME FD" name the descriptors that stand in the instructions. All programs are asked for. When the kernel refuses one,
// what libbpf made of all of them is printed before it gives up; exit code 2 says so. With a second argument, that file's types
// stand for the kernel's; with a third, only the program of that name is asked for.
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>

static struct bpf_object *object;
static int printed;

static void print_all(void)
{
	struct bpf_program *program;
	struct bpf_map *map;

	printed = 1;
	bpf_object__for_each_map(map, object)
		printf("map %s %d\n", bpf_map__name(map), bpf_map__fd(map));

	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program))
			continue;
		const unsigned char *bytes = (const unsigned char *)bpf_program__insns(program);
		size_t length = bpf_program__insn_cnt(program) * 8;

		printf("program %s ", bpf_program__name(program));
		for (size_t i = 0; i < length; i++)
			printf("%02x", bytes[i]);
		printf("\n");
	}
	fflush(stdout);
}

/* Programs are loaded one after the other when all are relocated: what libbpf says first of a load comes after the last relocation. */
static int listen(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (!printed && (strstr(format, "BPF program load failed") || strstr(format, "failed to load: ") || strstr(format, "failed to prepare load") || strstr(format, "is not found in vmlinux BTF")))
		print_all();
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

int main(int count, char **arguments)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	struct bpf_program *program;
	struct bpf_map *map;

	if (count < 2)
		return 64;

	libbpf_set_print(listen);
	if (count > 2)
		options.btf_custom_path = arguments[2];
	object = bpf_object__open_file(arguments[1], &options);
	if (!object)
		return 1;

	/* What a test loads goes with it: maps that ask to be pinned are not. Sizes that a tool sets itself get one that will do. */
	bpf_object__for_each_map(map, object) {
		bpf_map__set_pin_path(map, NULL);
		switch (bpf_map__type(map)) {
		case BPF_MAP_TYPE_STACK_TRACE:
			if (!bpf_map__value_size(map))
				bpf_map__set_value_size(map, 64);
			/* fall through */
		case BPF_MAP_TYPE_HASH: case BPF_MAP_TYPE_ARRAY: case BPF_MAP_TYPE_PERCPU_HASH: case BPF_MAP_TYPE_PERCPU_ARRAY:
		case BPF_MAP_TYPE_CPUMAP: case BPF_MAP_TYPE_DEVMAP: case BPF_MAP_TYPE_DEVMAP_HASH: case BPF_MAP_TYPE_XSKMAP:
			if (!bpf_map__max_entries(map))
				bpf_map__set_max_entries(map, 4);
			break;
		default:
			break;
		}
	}

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, count < 4 || !strcmp(bpf_program__name(program), arguments[3]));

	if (bpf_object__load(object))
		return printed ? 2 : 1;

	print_all();
	bpf_object__close(object);
	return 0;
}
