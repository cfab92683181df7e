/* SPDX-License-Identifier: MIT */
/*
 * Arguments of USDT probes. The compiler of a probed program notes, for every place of a probe, where its arguments lie:
 * constants, registers, memory at a register. Whoever attaches writes that as a record into the map below, one for each
 * way they lie, and gives the program the record's number as its attach cookie (Linux 5.15). Map and members are found
 * by their names.
 */
#ifndef OSMIA_USDT_H
#define OSMIA_USDT_H

#include "osmia_helpers.h"

#define USDT_ARGUMENTS 12

#ifndef USDT_RECORDS
#define USDT_RECORDS 64
#endif

enum usdt_where {
	USDT_CONSTANT,
	USDT_REGISTER,
	USDT_MEMORY, /* at a register */
	USDT_INDEXED, /* at a register and another one, scaled */
};

struct usdt_argument {
	__u64 val_off; /* the constant, or the distance from the register */
	__u32 arg_type : 8; /* enum usdt_where */
	__u32 idx_reg_off : 12; /* registers: bytes into struct pt_regs */
	__u32 scale_bitshift : 4;
	__u32 unused : 8;
	__s16 reg_off;
	__u8 arg_signed;
	__u8 arg_bitshift; /* bits of a 64-bit word above the argument */
};

struct usdt_record {
	struct usdt_argument args[USDT_ARGUMENTS];
	__u64 usdt_cookie;
	__s16 arg_cnt;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, USDT_RECORDS);
	__type(key, __u32);
	__type(value, struct usdt_record);
} __bpf_usdt_specs SEC(".maps");

static __always_inline struct usdt_record *usdt_find(void *ctx)
{
	__u32 number = bpf_get_attach_cookie(ctx);

	return bpf_map_lookup_elem(&__bpf_usdt_specs, &number);
}

/* How many arguments the probe has here. */
static __always_inline int usdt_count(void *ctx)
{
	struct usdt_record *record = usdt_find(ctx);

	return record ? record->arg_cnt : 0;
}

/* What the one who attached gave along. */
static __always_inline __u64 usdt_cookie(void *ctx)
{
	struct usdt_record *record = usdt_find(ctx);

	return record ? record->usdt_cookie : 0;
}

/* One argument, counted from 0, widened to 64 bits; 0 when there is none, or its memory cannot be read. */
static __always_inline long usdt_arg(void *ctx, __u32 number)
{
	struct usdt_record *record = usdt_find(ctx);
	struct usdt_argument *place;
	__u64 value = 0, start = 0, index = 0;

	if (!record || number >= USDT_ARGUMENTS || (int)number >= record->arg_cnt)
		return 0;

	place = &record->args[number];
	if (place->arg_type == USDT_CONSTANT)
		return place->val_off;

	bpf_probe_read_kernel(&start, sizeof(start), (char *)ctx + place->reg_off);
	if (place->arg_type == USDT_REGISTER) {
		value = start;
	} else {
		if (place->arg_type == USDT_INDEXED)
			bpf_probe_read_kernel(&index, sizeof(index), (char *)ctx + place->idx_reg_off);
		start += (index << place->scale_bitshift) + place->val_off;
		if (bpf_probe_read_user(&value, sizeof(value), (void *)start))
			return 0;
	}

	value <<= place->arg_bitshift;
	return place->arg_signed ? (__s64)value >> place->arg_bitshift : (long)(value >> place->arg_bitshift);
}

#endif
