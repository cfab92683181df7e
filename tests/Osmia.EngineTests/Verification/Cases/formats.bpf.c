#include "common.h"

__u64 arguments[16];
char out[64];
#define FORMAT(name, text, count) SEC("tc") int name(void *ctx) { static const char f[] = text; bpf_snprintf(out, sizeof out, f, arguments, (count) * 8); return 0; }
FORMAT(ok_empty, "", 0)
FORMAT(ok_plain, "text without any", 0)
FORMAT(ok_number, "%d", 1)
FORMAT(ok_long, "%ld %lu %lx", 3)
FORMAT(ok_long_long, "%lld %llu %llx", 3)
FORMAT(ok_width, "%8d %08x %-8d %+d % d", 5)
FORMAT(ok_percent, "100%%", 0)
FORMAT(ok_percent_number, "%%%d", 1)
FORMAT(ok_more_arguments, "%d", 3)
FORMAT(bad_few_arguments, "%d %d", 1)
FORMAT(bad_no_arguments, "%d", 0)
FORMAT(ok_string, "%s", 1)
FORMAT(ok_string_width, "%10s", 1)
FORMAT(ok_strings_of_memory, "%pks %pus", 2)
FORMAT(bad_string_letter, "%sx", 1)
FORMAT(ok_string_mark, "%s: %s,", 2)
FORMAT(ok_char, "%c", 1)
FORMAT(ok_char_letter, "%ca", 1)
FORMAT(ok_pointer, "%p", 1)
FORMAT(ok_pointer_end, "%p,", 1)
FORMAT(ok_pointer_kinds, "%px %pK %ps %pS %pB", 5)
FORMAT(bad_pointer_kind, "%pz", 1)
FORMAT(ok_addresses, "%pi4 %pI4 %pi6 %pI6", 4)
FORMAT(bad_address, "%pi5", 1)
FORMAT(bad_address_letter, "%pI", 1)
FORMAT(bad_kernel_string_letter, "%pksx", 1)
FORMAT(bad_kernel_letter, "%pk", 1)
FORMAT(ok_i, "%i", 1)
FORMAT(ok_big_x, "%X", 1)
FORMAT(bad_octal, "%o", 1)
FORMAT(bad_float, "%f", 1)
FORMAT(bad_end, "%", 1)
FORMAT(bad_end_width, "%10", 1)
FORMAT(bad_end_long, "%l", 1)
FORMAT(bad_three_long, "%llld", 1)
FORMAT(bad_short, "%hd", 1)
FORMAT(bad_star, "%*d", 2)
FORMAT(bad_precision, "%.3d", 1)
FORMAT(bad_hash, "%#x", 1)
FORMAT(bad_control, "a\001b", 0)
FORMAT(ok_high, "a\377b", 0)
FORMAT(ok_spaces, "a\t\n\r\v\fb", 0)
FORMAT(ok_number_letter, "%dabc", 1)
FORMAT(ok_twelve, "%d%d%d%d%d%d%d%d%d%d%d%d", 12)
FORMAT(ok_thirteen, "%d%d%d%d%d%d%d%d%d%d%d%d%d", 13)
FORMAT(ok_high_control, "a\220b", 0)
FORMAT(ok_string_high_mark, "%s\327", 1)
FORMAT(bad_string_high_letter, "%s\330", 1)
FORMAT(ok_string_high_space, "%s\240", 1)
#undef FORMAT
SEC("tc") int bad_size(void *ctx) { static const char f[] = "%d"; bpf_snprintf(out, sizeof out, f, arguments, 12); return 0; }
SEC("tc") int bad_stack_format(void *ctx) { char f[4] = "%d"; OPAQUE(ctx); bpf_snprintf(out, sizeof out, f, arguments, 8); return 0; }
char writable[] = "%d";
SEC("tc") int bad_writable_format(void *ctx) { bpf_snprintf(out, sizeof out, writable, arguments, 8); return 0; }
SEC("tc") int ok_no_output(void *ctx) { static const char f[] = "%d"; bpf_snprintf(0, 0, f, arguments, 8); return 0; }
SEC("tc") int ok_no_data(void *ctx) { static const char f[] = "text"; bpf_snprintf(out, sizeof out, f, 0, 0); return 0; }
SEC("tc") int ok_trace_any(void *ctx) { static const char f[] = "%zzz"; bpf_trace_printk(f, sizeof f); return 0; }
SEC("tc") int ok_vprintk_any(void *ctx) { static const char f[] = "%q"; bpf_trace_vprintk(f, sizeof f, arguments, 16); return 0; }
SEC("tc") int ok_strncmp(void *ctx) { static const char f[] = "abc"; return bpf_strncmp(out, 4, f) == 0; }
SEC("tc") int bad_strncmp_writable(void *ctx) { return bpf_strncmp(out, 4, writable) == 0; }
