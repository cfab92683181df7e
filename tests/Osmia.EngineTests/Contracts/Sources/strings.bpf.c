#include "contract.h"

extern int bpf_strcmp(const char *a, const char *b) __ksym;
extern int bpf_strcasecmp(const char *a, const char *b) __ksym;
extern int bpf_strnchr(const char *s, __u64 count, char c) __ksym;
extern int bpf_strchr(const char *s, char c) __ksym;
extern int bpf_strchrnul(const char *s, char c) __ksym;
extern int bpf_strrchr(const char *s, int c) __ksym;
extern int bpf_strlen(const char *s) __ksym;
extern int bpf_strnlen(const char *s, __u64 count) __ksym;
extern int bpf_strspn(const char *s, const char *accept) __ksym;
extern int bpf_strcspn(const char *s, const char *reject) __ksym;
extern int bpf_strstr(const char *s, const char *other) __ksym;
extern int bpf_strnstr(const char *s, const char *other, __u64 length) __ksym;

char text[32] = "hello, world";
char upper[32] = "HELLO, World";
char longer[32] = "hello, world!";
char empty[8] = "";
char part[8] = "lo,";
char missing[8] = "xyz";
char set[8] = "ehlo";

SEC("tc") int comparing(struct __sk_buff *skb)
{
	out[0] = bpf_strcmp(text, text);
	out[1] = bpf_strcmp(text, longer);
	out[2] = bpf_strcmp(longer, text);
	out[3] = bpf_strcmp(text, upper);
	out[4] = bpf_strcasecmp(text, upper);
	out[5] = bpf_strcasecmp(missing, upper);
	out[6] = bpf_strcmp(empty, text);
	out[7] = bpf_strcmp((char *)1, text);
	return 1;
}

SEC("tc") int finding(struct __sk_buff *skb)
{
	out[0] = bpf_strchr(text, 'o');
	out[1] = bpf_strchr(text, 'z');
	out[2] = bpf_strchr(text, 0);
	out[3] = bpf_strchrnul(text, 'z');
	out[4] = bpf_strchrnul(text, 'w');
	out[5] = bpf_strrchr(text, 'o');
	out[6] = bpf_strrchr(text, 'z');
	out[7] = bpf_strrchr(text, 0);
	out[8] = bpf_strnchr(text, 4, 'o');
	out[9] = bpf_strnchr(text, 5, 'o');
	out[10] = bpf_strnchr(text, 100, 'z');
	out[11] = bpf_strnchr(text, 0, 'h');
	out[12] = bpf_strstr(text, part);
	out[13] = bpf_strstr(text, missing);
	out[14] = bpf_strstr(text, empty);
	out[15] = bpf_strstr(empty, text);
	out[16] = bpf_strnstr(text, part, 5);
	out[17] = bpf_strnstr(text, part, 6);
	out[18] = bpf_strnstr(text, part, 100);
	out[19] = bpf_strnstr(text, empty, 0);
	out[20] = bpf_strstr(text, text);
	out[21] = bpf_strnchr(text, 100, 0);
	out[22] = bpf_strnstr(text, part, 0);
	return 1;
}

SEC("tc") int measuring(struct __sk_buff *skb)
{
	out[0] = bpf_strlen(text);
	out[1] = bpf_strlen(empty);
	out[2] = bpf_strnlen(text, 5);
	out[3] = bpf_strnlen(text, 12);
	out[4] = bpf_strnlen(text, 13);
	out[5] = bpf_strnlen(text, 0);
	out[6] = bpf_strspn(text, set);
	out[7] = bpf_strspn(text, missing);
	out[8] = bpf_strcspn(text, part);
	out[9] = bpf_strcspn(text, missing);
	out[10] = bpf_strspn(text, empty);
	out[11] = bpf_strcspn(text, empty);
	out[12] = bpf_strspn(text, text);
	out[13] = bpf_strlen((char *)1);
	return 1;
}
