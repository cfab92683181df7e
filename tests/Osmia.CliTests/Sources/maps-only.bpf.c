// Maps and types for several objects to share; no code.
#include "osmia_helpers.h"

struct shared_value {
    unsigned long long packets;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, unsigned int);
    __type(value, struct shared_value);
} shared SEC(".maps");
