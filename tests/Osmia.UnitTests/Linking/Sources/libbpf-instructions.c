// SPDX-License-Identifier: MIT
// Loads an object with libbpf and prints what it handed to the kernel: one line per program, "NAME HEX", after relocation.
// Lines "map NAME FD" and "id FD" name the descriptors that stand in the instructions. A second argument is a file of types to
// relocate against in place of the kernel's.
#include <stdio.h>
#include <bpf/libbpf.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

int main(int count, char **arguments)
{
	struct bpf_object *object;
	struct bpf_program *program;
	struct bpf_map *map;

	LIBBPF_OPTS(bpf_object_open_opts, options);

	if (count != 2 && count != 3)
		return 64;
	if (count == 3)
		options.btf_custom_path = arguments[2];

	libbpf_set_print(quiet);
	object = bpf_object__open_file(arguments[1], &options);
	if (!object)
		return 1;

	/* What a test loads goes with it: maps that ask to be pinned are not. */
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);

	if (bpf_object__load(object))
		return 1;

	bpf_object__for_each_map(map, object)
		printf("map %s %d\n", bpf_map__name(map), bpf_map__fd(map));

	bpf_object__for_each_program(program, object) {
		const unsigned char *bytes = (const unsigned char *)bpf_program__insns(program);
		size_t length = bpf_program__insn_cnt(program) * 8;

		printf("program %s ", bpf_program__name(program));
		for (size_t i = 0; i < length; i++)
			printf("%02x", bytes[i]);
		printf("\n");
	}

	bpf_object__close(object);
	return 0;
}
