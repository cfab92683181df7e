/* Programs of hook 'request' stand in SEC("request") or SEC("request/NAME"). */
#pragma once

struct Request {
	unsigned char OperationName[32];
	unsigned long long DurationNs;
	unsigned int Status;
};

_Static_assert(sizeof(struct Request) == 48, "the layout of the application");
