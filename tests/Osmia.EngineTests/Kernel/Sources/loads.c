// SPDX-License-Identifier: MIT
// loads OBJECT: loads each program of an object by itself with libbpf and lets it go; prints its name and 0, or the error's number.
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static int load_alone(const char *file, const char *wanted)
{
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	struct bpf_program *program;
	struct bpf_map *map;
	int result;

	if (!object)
		return -1;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, strcmp(bpf_program__name(program), wanted) == 0);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
	result = bpf_object__load(object);
	bpf_object__close(object);
	return result;
}

int main(int count, char **words)
{
	struct bpf_object *object;
	struct bpf_program *program;

	if (count != 2)
		return 64;
	libbpf_set_print(quiet);
	object = bpf_object__open_file(words[1], NULL);
	if (!object)
		return 1;
	bpf_object__for_each_program(program, object)
		printf("%s %d\n", bpf_program__name(program), -load_alone(words[1], bpf_program__name(program)));
	bpf_object__close(object);
	return 0;
}
