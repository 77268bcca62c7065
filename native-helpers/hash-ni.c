/* SHA-256 with the SHA extensions of x86: one, two and three messages at once. */
#if defined(__x86_64__)

#include "hash-ni-rounds.h"

#define NAME(x) x##1
#define EACH(F, ...) F(a, __VA_ARGS__)
#include "hash-ni-streams.h"
#undef NAME
#undef EACH

#define NAME(x) x##2
#define EACH(F, ...) F(a, __VA_ARGS__) F(b, __VA_ARGS__)
#include "hash-ni-streams.h"
#undef NAME
#undef EACH

#define NAME(x) x##3
#define EACH(F, ...) F(a, __VA_ARGS__) F(b, __VA_ARGS__) F(c, __VA_ARGS__)
#include "hash-ni-streams.h"

void planish_sha256_ni1(const struct planish_message *messages, size_t count, size_t size)
{
	uint32_t padding[64] __attribute__((aligned(64)));

	planish_padding256(padding, size);
	for (size_t m = 0; m < count; m++)
		group1(messages + m, size, padding);
}

void planish_sha256_ni2(const struct planish_message *messages, size_t count, size_t size)
{
	uint32_t padding[64] __attribute__((aligned(64)));
	size_t m = 0;

	planish_padding256(padding, size);
	for (; m + 2 <= count; m += 2)
		group2(messages + m, size, padding);
	if (m < count)
		group1(messages + m, size, padding);
}

void planish_sha256_ni3(const struct planish_message *messages, size_t count, size_t size)
{
	uint32_t padding[64] __attribute__((aligned(64)));
	size_t m = 0;

	planish_padding256(padding, size);
	for (; m + 3 <= count; m += 3)
		group3(messages + m, size, padding);
	if (count - m == 2)
		group2(messages + m, size, padding);
	else if (count - m == 1)
		group1(messages + m, size, padding);
}

#else
typedef int planish_no_ni;
#endif
