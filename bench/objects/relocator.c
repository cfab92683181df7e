// SPDX-License-Identifier: MIT
// The other side of the relocation benchmark: an object opened from memory and relocated by libbpf. A handler of ours stops
// it before the first program is loaded, when every program has been relocated. Built by the benchmark itself.
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static int stop(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	return -ECANCELED;
}

int relocator_prepare(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = stop);

	libbpf_set_print(silent);
	return libbpf_register_prog_handler("raw_tp+", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &options) < 0 ? -1 : 0;
}

/* Returns 0 when all programs were relocated. */
int relocator_run(const void *bytes, uint64_t size)
{
	struct bpf_object *object = bpf_object__open_mem(bytes, size, NULL);
	int result = object ? bpf_object__load(object) : -1;

	bpf_object__close(object);
	return result == -ECANCELED ? 0 : result;
}

unsigned int relocator_version(void)
{
	return libbpf_major_version() << 16 | libbpf_minor_version();
}
