/*
 * See crc32.h. With carry-less multiplication 64 bytes are folded into the 64 that follow until 16 are left, which have
 * the same remainder as all before them (Gopal and others, "Fast CRC Computation Using PCLMULQDQ", 2009): the sum is
 * bound by loads.
 */
#include "crc32.h"

/* The sums of the sixteen half bytes, by the reflected polynomial 0xedb88320. */
static const uint32_t half_bytes[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

/* The register of the sum, which is kept inverted, after some more bytes. */
static uint32_t add(uint32_t state, const unsigned char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		state ^= data[i];
		state = state >> 4 ^ half_bytes[state & 15];
		state = state >> 4 ^ half_bytes[state & 15];
	}
	return state;
}

uint32_t planish_crc32_portable(const unsigned char *data, size_t length, uint32_t crc)
{
	return ~add(~crc, data, length);
}

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("pclmul,sse4.1")))

/* Remainders of x to the power of the bits that a half is moved by, and 32 less; the low half of a register moves further. */
#define MOVE_64 _mm_set_epi64x(0x1c6e41596, 0x154442bd4)
#define MOVE_16 _mm_set_epi64x(0x0ccaa009e, 0x1751997d0)

static int is_fast(void)
{
	return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

TARGET static inline __m128i load(const unsigned char *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

TARGET static inline __m128i fold(__m128i value, __m128i move, __m128i next)
{
	__m128i low = _mm_clmulepi64_si128(value, move, 0x00);
	__m128i high = _mm_clmulepi64_si128(value, move, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* For 64 bytes or more. */
TARGET static uint32_t add_fast(uint32_t state, const unsigned char *data, size_t length)
{
	__m128i a = _mm_xor_si128(load(data), _mm_cvtsi32_si128((int)state));
	__m128i b = load(data + 16), c = load(data + 32), d = load(data + 48);
	unsigned char rest[16];

	for (data += 64, length -= 64; length >= 64; data += 64, length -= 64) {
		a = fold(a, MOVE_64, load(data));
		b = fold(b, MOVE_64, load(data + 16));
		c = fold(c, MOVE_64, load(data + 32));
		d = fold(d, MOVE_64, load(data + 48));
	}
	a = fold(fold(fold(a, MOVE_16, b), MOVE_16, c), MOVE_16, d);
	for (; length >= 16; data += 16, length -= 16)
		a = fold(a, MOVE_16, load(data));
	_mm_storeu_si128((__m128i *)rest, a);
	return add(add(0, rest, sizeof rest), data, length);
}

#define KERNEL "pclmulqdq"

#elif defined(__aarch64__)

#include <string.h>
#include <sys/auxv.h>

#if defined(__clang__)
#define TARGET __attribute__((target("crc")))
#else
#define TARGET __attribute__((target("+crc")))
#endif

#include <arm_acle.h>

static int is_fast(void)
{
	/* HWCAP_CRC32 */
	return getauxval(AT_HWCAP) >> 7 & 1;
}

TARGET static uint32_t add_fast(uint32_t state, const unsigned char *data, size_t length)
{
	for (; length >= 8; data += 8, length -= 8) {
		uint64_t value;

		memcpy(&value, data, 8);
		state = __crc32d(state, value);
	}
	return add(state, data, length);
}

#define KERNEL "armv8"

#else

static int is_fast(void)
{
	return 0;
}

#define add_fast add
#define KERNEL "portable"

#endif

const char *planish_crc32_kernel(void)
{
	return is_fast() ? KERNEL : "portable";
}

uint32_t planish_crc32(const unsigned char *data, size_t length, uint32_t crc)
{
	return ~(length >= 64 && is_fast() ? add_fast(~crc, data, length) : add(~crc, data, length));
}
