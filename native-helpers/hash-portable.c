/* SHA-256 and SHA-512 (FIPS 180-4) in plain C, one message after another: the kernels of last resort. */
#include "hash-lane.h"

#define ROUND256(a, b, c, d, e, f, g, h, i)                                                         \
	do {                                                                                           \
		uint32_t t1 = h + (planish_rotate32(e, 6) ^ planish_rotate32(e, 11) ^ planish_rotate32(e, 25)) +  \
			      (g ^ (e & (f ^ g))) + schedule[i];                                       \
		uint32_t t2 = (planish_rotate32(a, 2) ^ planish_rotate32(a, 13) ^ planish_rotate32(a, 22)) + \
			      ((a & b) | (c & (a | b)));                                               \
		d += t1;                                                                               \
		h = t1 + t2;                                                                           \
	} while (0)

static void rounds256(uint32_t state[8], const uint32_t schedule[64])
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (int i = 0; i < 64; i += 8) {
		ROUND256(a, b, c, d, e, f, g, h, i);
		ROUND256(h, a, b, c, d, e, f, g, i + 1);
		ROUND256(g, h, a, b, c, d, e, f, i + 2);
		ROUND256(f, g, h, a, b, c, d, e, i + 3);
		ROUND256(e, f, g, h, a, b, c, d, i + 4);
		ROUND256(d, e, f, g, h, a, b, c, i + 5);
		ROUND256(c, d, e, f, g, h, a, b, i + 6);
		ROUND256(b, c, d, e, f, g, h, a, i + 7);
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
	state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void chunk256(uint32_t state[8], const unsigned char *at)
{
	uint32_t w[64];

	for (int i = 0; i < 16; i++)
		w[i] = planish_load32(at + 4 * i);
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = planish_rotate32(w[i - 15], 7) ^ planish_rotate32(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = planish_rotate32(w[i - 2], 17) ^ planish_rotate32(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (int i = 0; i < 64; i++)
		w[i] += planish_k256[i];
	rounds256(state, w);
}

void planish_sha256_portable(const struct planish_message *messages, size_t count, size_t size)
{
	uint32_t padding[64];

	planish_padding256(padding, size);
	for (size_t m = 0; m < count; m++) {
		struct planish_lane lane;
		uint32_t state[8];

		memcpy(state, planish_h256, sizeof state);
		planish_lane_open(&lane, &messages[m], 64);
		for (size_t c = 0; c < lane.used; c++)
			chunk256(state, planish_lane_chunk(&lane, c, 64));
		for (size_t c = lane.used; c < size / 64; c++)
			rounds256(state, planish_k256);
		rounds256(state, padding);
		for (int i = 0; i < 8; i++)
			planish_store32(messages[m].digest + 4 * i, state[i]);
	}
}

#define ROUND512(a, b, c, d, e, f, g, h, i)                                                         \
	do {                                                                                           \
		uint64_t t1 = h + (planish_rotate64(e, 14) ^ planish_rotate64(e, 18) ^ planish_rotate64(e, 41)) +  \
			      (g ^ (e & (f ^ g))) + schedule[i];                                       \
		uint64_t t2 = (planish_rotate64(a, 28) ^ planish_rotate64(a, 34) ^ planish_rotate64(a, 39)) + \
			      ((a & b) | (c & (a | b)));                                               \
		d += t1;                                                                               \
		h = t1 + t2;                                                                           \
	} while (0)

static void rounds512(uint64_t state[8], const uint64_t schedule[80])
{
	uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint64_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (int i = 0; i < 80; i += 8) {
		ROUND512(a, b, c, d, e, f, g, h, i);
		ROUND512(h, a, b, c, d, e, f, g, i + 1);
		ROUND512(g, h, a, b, c, d, e, f, i + 2);
		ROUND512(f, g, h, a, b, c, d, e, i + 3);
		ROUND512(e, f, g, h, a, b, c, d, i + 4);
		ROUND512(d, e, f, g, h, a, b, c, i + 5);
		ROUND512(c, d, e, f, g, h, a, b, i + 6);
		ROUND512(b, c, d, e, f, g, h, a, i + 7);
	}
	state[0] += a, state[1] += b, state[2] += c, state[3] += d;
	state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void chunk512(uint64_t state[8], const unsigned char *at)
{
	uint64_t w[80];

	for (int i = 0; i < 16; i++)
		w[i] = (uint64_t)planish_load32(at + 8 * i) << 32 | planish_load32(at + 8 * i + 4);
	for (int i = 16; i < 80; i++) {
		uint64_t s0 = planish_rotate64(w[i - 15], 1) ^ planish_rotate64(w[i - 15], 8) ^ w[i - 15] >> 7;
		uint64_t s1 = planish_rotate64(w[i - 2], 19) ^ planish_rotate64(w[i - 2], 61) ^ w[i - 2] >> 6;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (int i = 0; i < 80; i++)
		w[i] += planish_k512[i];
	rounds512(state, w);
}

void planish_sha512_portable(const struct planish_message *messages, size_t count, size_t size)
{
	uint64_t padding[80];

	planish_padding512(padding, size);
	for (size_t m = 0; m < count; m++) {
		struct planish_lane lane;
		uint64_t state[8];

		memcpy(state, planish_h512, sizeof state);
		planish_lane_open(&lane, &messages[m], 128);
		for (size_t c = 0; c < lane.used; c++)
			chunk512(state, planish_lane_chunk(&lane, c, 128));
		for (size_t c = lane.used; c < size / 128; c++)
			rounds512(state, planish_k512);
		rounds512(state, padding);
		for (int i = 0; i < 8; i++)
			planish_store64(messages[m].digest + 8 * i, state[i]);
	}
}
