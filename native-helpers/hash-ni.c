/* SHA-256 with the SHA extensions of x86: one, two and three messages at once. */
#include "hash-lane.h"

#if defined(__x86_64__)

/* The scheduler of GCC 12 pulls loads apart and costs a tenth. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns2")
#endif

#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define CONSTANT(i) _mm_load_si128((const __m128i *)planish_k256 + (i))

TARGET static void store_digest(unsigned char *digest, __m128i abef, __m128i cdgh)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	__m128i a = _mm_shuffle_epi32(abef, 0x1b);
	__m128i c = _mm_shuffle_epi32(cdgh, 0x1b);

	_mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi8(_mm_unpacklo_epi64(a, c), swap));
	_mm_storeu_si128((__m128i *)(digest + 16), _mm_shuffle_epi8(_mm_unpackhi_epi64(a, c), swap));
}

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
