// SPDX-License-Identifier: MIT
// A kernel that has one function.
void bpf_throw(unsigned long long cookie) { }
