/* What all kernels share: a message as a row of chunks, and its padding. */
#ifndef PLANISH_HASH_LANE_H
#define PLANISH_HASH_LANE_H

#include <string.h>

#include "hash.h"

#define PLANISH_CHUNK_MAX 128

/* A message cut into chunks: `whole` of them lie in the data, one may be cut short, the rest is zeros. */
struct planish_lane {
	const unsigned char *data;
	size_t whole;
	size_t used;
	unsigned char tail[PLANISH_CHUNK_MAX];
};

static inline void planish_lane_open(struct planish_lane *lane, const struct planish_message *message, size_t chunk)
{
	size_t rest = message->length % chunk;

	lane->data = message->data;
	lane->whole = message->length / chunk;
	lane->used = lane->whole + (rest > 0);
	if (rest > 0) {
		memset(lane->tail, 0, chunk);
		memcpy(lane->tail, message->data + lane->whole * chunk, rest);
	}
}

/* The chunk at an index; for one beyond the data, zeros. */
static inline const unsigned char *planish_lane_chunk(const struct planish_lane *lane, size_t index, size_t chunk)
{
	static const unsigned char zeros[PLANISH_CHUNK_MAX];

	if (index < lane->whole)
		return lane->data + index * chunk;
	return index < lane->used ? lane->tail : zeros;
}

static inline uint32_t planish_rotate32(uint32_t value, unsigned count)
{
	return value >> count | value << (32 - count);
}

static inline uint64_t planish_rotate64(uint64_t value, unsigned count)
{
	return value >> count | value << (64 - count);
}

/*
 * The schedule of the last chunk, constants added: 0x80, zeros and the length. It is the same for all messages of one
 * size.
 */
static inline void planish_padding256(uint32_t schedule[64], size_t size)
{
	uint32_t w[64] = { 0x80000000u };

	w[15] = (uint32_t)(size * 8);
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = planish_rotate32(w[i - 15], 7) ^ planish_rotate32(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = planish_rotate32(w[i - 2], 17) ^ planish_rotate32(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (int i = 0; i < 64; i++)
		schedule[i] = w[i] + planish_k256[i];
}

static inline void planish_padding512(uint64_t schedule[80], size_t size)
{
	uint64_t w[80] = { 0x8000000000000000u };

	w[15] = (uint64_t)size * 8;
	for (int i = 16; i < 80; i++) {
		uint64_t s0 = planish_rotate64(w[i - 15], 1) ^ planish_rotate64(w[i - 15], 8) ^ w[i - 15] >> 7;
		uint64_t s1 = planish_rotate64(w[i - 2], 19) ^ planish_rotate64(w[i - 2], 61) ^ w[i - 2] >> 6;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (int i = 0; i < 80; i++)
		schedule[i] = w[i] + planish_k512[i];
}

static inline uint32_t planish_load32(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void planish_store32(unsigned char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static inline void planish_store64(unsigned char *at, uint64_t value)
{
	planish_store32(at, (uint32_t)(value >> 32));
	planish_store32(at + 4, (uint32_t)value);
}

#endif
