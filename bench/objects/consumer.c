// SPDX-License-Identifier: MIT
// The other side of the buffer benchmarks: the same object, loaded, run and read with libbpf. Built by the benchmark
// itself into a temporary folder when a C compiler and libbpf's headers are there.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <string.h>

struct consumer {
	struct bpf_object *object;
	struct ring_buffer *ring;
	struct perf_buffer *perf;
	int program;
	uint64_t records;
	uint64_t sum;
};

static struct consumer the_consumers[2];

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return 0;
}

static int on_ring_record(void *context, void *data, size_t size)
{
	struct consumer *consumer = context;

	consumer->records++;
	consumer->sum += *(uint64_t *)data;
	return 0;
}

static void on_perf_record(void *context, int cpu, void *data, uint32_t size)
{
	on_ring_record(context, data, size);
}

/* kind 0: the ring buffer; kind 1: the perf buffer, with as many pages a CPU. */
int consumer_open(const char *path, int kind, int pages)
{
	struct consumer *consumer = &the_consumers[kind];
	int map;

	libbpf_set_print(silent);
	memset(consumer, 0, sizeof(*consumer));
	consumer->object = bpf_object__open_file(path, NULL);
	if (!consumer->object || bpf_object__load(consumer->object))
		return -1;
	consumer->program = bpf_program__fd(bpf_object__find_program_by_name(consumer->object, kind ? "to_perf" : "to_ring"));
	map = bpf_object__find_map_fd_by_name(consumer->object, kind ? "perf" : "ring");
	if (kind)
		consumer->perf = perf_buffer__new(map, pages, on_perf_record, NULL, consumer, NULL);
	else
		consumer->ring = ring_buffer__new(map, on_ring_record, consumer, NULL);
	return consumer->ring || consumer->perf ? 0 : -1;
}

int consumer_produce(int kind, int records)
{
	char frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame), .repeat = records);

	return bpf_prog_test_run_opts(the_consumers[kind].program, &options);
}

/* Returns how many records were read. */
int64_t consumer_consume(int kind)
{
	struct consumer *consumer = &the_consumers[kind];
	uint64_t before = consumer->records;
	int result = kind ? perf_buffer__consume(consumer->perf) : ring_buffer__consume(consumer->ring);

	return result < 0 ? result : (int64_t)(consumer->records - before);
}

void consumer_close(int kind)
{
	struct consumer *consumer = &the_consumers[kind];

	ring_buffer__free(consumer->ring);
	perf_buffer__free(consumer->perf);
	bpf_object__close(consumer->object);
	memset(consumer, 0, sizeof(*consumer));
}
