/* Numbers as DEFLATE and its readers want them: the lowest byte first, wherever they lie. */
#ifndef PLANISH_LITTLE_ENDIAN_H
#define PLANISH_LITTLE_ENDIAN_H

#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define PLANISH_LITTLE32(value) __builtin_bswap32(value)
#define PLANISH_LITTLE64(value) __builtin_bswap64(value)
#else
#define PLANISH_LITTLE32(value) (value)
#define PLANISH_LITTLE64(value) (value)
#endif

static inline uint32_t load32(const unsigned char *at)
{
	uint32_t value;

	__builtin_memcpy(&value, at, 4);
	return PLANISH_LITTLE32(value);
}

static inline uint64_t load64(const unsigned char *at)
{
	uint64_t value;

	__builtin_memcpy(&value, at, 8);
	return PLANISH_LITTLE64(value);
}

static inline void store64(unsigned char *at, uint64_t value)
{
	value = PLANISH_LITTLE64(value);
	__builtin_memcpy(at, &value, 8);
}

#endif
