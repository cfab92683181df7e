/* Programs of hook 'thrown' stand in SEC("thrown") or SEC("thrown/NAME"). */
#pragma once

struct Thrown {
	unsigned char ExceptionType[64];
};

_Static_assert(sizeof(struct Thrown) == 64, "the layout of the application");
