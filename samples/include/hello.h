/* SPDX-License-Identifier: MIT */
/* What hello-ring and hello-perf share: the two differ only in how the record travels. */
#ifndef HELLO_H
#define HELLO_H

#include "osmia_helpers.h"

#define MESSAGE_LENGTH 12

struct user {
	__u32 uid;
};

struct greeting {
	char message[MESSAGE_LENGTH];
};

struct hello_event {
	__u32 pid;
	__u32 uid;
	char command[TASK_COMM_LEN];
	char message[MESSAGE_LENGTH];
};

/* What users get that the map has no message for. */
const volatile char default_message[MESSAGE_LENGTH] = "Hello World";

/* A message for particular users. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct user);
	__type(value, struct greeting);
} config SEC(".maps");

static __always_inline void fill_hello(struct hello_event *event)
{
	struct user user = { .uid = current_uid() };
	struct greeting *greeting = bpf_map_lookup_elem(&config, &user);

	event->pid = current_tgid();
	event->uid = user.uid;
	bpf_get_current_comm(event->command, sizeof(event->command));

#pragma unroll
	for (int i = 0; i < MESSAGE_LENGTH; i++)
		event->message[i] = greeting ? greeting->message[i] : default_message[i];
}

#endif
