/*
 * SHA-256 and SHA-512 with the crypto extensions of ARMv8, several messages at once: `streams` is a constant wherever the
 * bodies are inlined, so that loops over it are unrolled and states stay in registers.
 */
#include "hash-lane.h"

#if defined(__aarch64__)

#if defined(__clang__)
#define TARGET256 __attribute__((target("sha2")))
#define TARGET512 __attribute__((target("sha3")))
#else
#define TARGET256 __attribute__((target("arch=armv8-a+crypto")))
#define TARGET512 __attribute__((target("arch=armv8.2-a+crypto+sha3")))
#endif

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))
#define EACH for (int s = 0; s < streams; s++)

/* All chunks of some messages; a chunk beyond the data of one is zeros for it. */
TARGET256 INLINE void group256(const struct planish_message *messages, size_t size, const uint32_t *padding,
			       const int streams)
{
	struct planish_lane lanes[3];
	uint32x4_t low[3], high[3], low0[3], high0[3], w[3][4];
	size_t used = 0;

	EACH {
		planish_lane_open(&lanes[s], &messages[s], 64);
		used = lanes[s].used > used ? lanes[s].used : used;
		low[s] = vld1q_u32(planish_h256);
		high[s] = vld1q_u32(planish_h256 + 4);
	}
	for (size_t c = 0; c <= size / 64; c++) {
		const uint32_t *known = c == size / 64 ? padding : c >= used ? planish_k256 : NULL;

		EACH {
			const unsigned char *chunk = planish_lane_chunk(&lanes[s], c, 64);

			low0[s] = low[s];
			high0[s] = high[s];
			for (int i = 0; known == NULL && i < 4; i++)
				w[s][i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(chunk + 16 * i)));
		}
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			EACH {
				uint32x4_t k = known != NULL ? vld1q_u32(known + 4 * i) :
							       vaddq_u32(w[s][i & 3], vld1q_u32(planish_k256 + 4 * i));
				uint32x4_t before = low[s];

				low[s] = vsha256hq_u32(low[s], high[s], k);
				high[s] = vsha256h2q_u32(high[s], before, k);
				if (known == NULL && i < 12)
					w[s][i & 3] = vsha256su1q_u32(vsha256su0q_u32(w[s][i & 3], w[s][(i + 1) & 3]),
								      w[s][(i + 2) & 3], w[s][(i + 3) & 3]);
			}
		}
		EACH {
			low[s] = vaddq_u32(low[s], low0[s]);
			high[s] = vaddq_u32(high[s], high0[s]);
		}
	}
	EACH {
		vst1q_u8(messages[s].digest, vrev32q_u8(vreinterpretq_u8_u32(low[s])));
		vst1q_u8(messages[s].digest + 16, vrev32q_u8(vreinterpretq_u8_u32(high[s])));
	}
}

TARGET256 void planish_sha256_arm1(const struct planish_message *messages, size_t count, size_t size)
{
	uint32_t padding[64];

	planish_padding256(padding, size);
	for (size_t m = 0; m < count; m++)
		group256(messages + m, size, padding, 1);
}

TARGET256 void planish_sha256_arm3(const struct planish_message *messages, size_t count, size_t size)
{
	uint32_t padding[64];
	size_t m = 0;

	planish_padding256(padding, size);
	for (; m + 3 <= count; m += 3)
		group256(messages + m, size, padding, 3);
	for (; m < count; m++)
		group256(messages + m, size, padding, 1);
}

/* Two rounds; the pairs ab, cd, ef and gh take turns in their places. */
#define ROUNDS512(a, c, e, g, k)                                                                         \
	do {                                                                                             \
		uint64x2_t sum = vaddq_u64(vextq_u64(k, k, 1), g);                                       \
		uint64x2_t t = vsha512hq_u64(sum, vextq_u64(e, g, 1), vextq_u64(c, e, 1));               \
		g = vsha512h2q_u64(t, c, a);                                                             \
		c = vaddq_u64(c, t);                                                                     \
	} while (0)

TARGET512 INLINE void group512(const struct planish_message *messages, size_t size, const uint64_t *padding,
			       const int streams)
{
	struct planish_lane lanes[2];
	uint64x2_t state[2][4], before[2][4], w[2][8];
	size_t used = 0;

	EACH {
		planish_lane_open(&lanes[s], &messages[s], 128);
		used = lanes[s].used > used ? lanes[s].used : used;
		for (int i = 0; i < 4; i++)
			state[s][i] = vld1q_u64(planish_h512 + 2 * i);
	}
	for (size_t c = 0; c <= size / 128; c++) {
		const uint64_t *known = c == size / 128 ? padding : c >= used ? planish_k512 : NULL;

		EACH {
			const unsigned char *chunk = planish_lane_chunk(&lanes[s], c, 128);

			for (int i = 0; i < 4; i++)
				before[s][i] = state[s][i];
			for (int i = 0; known == NULL && i < 8; i++)
				w[s][i] = vreinterpretq_u64_u8(vrev64q_u8(vld1q_u8(chunk + 16 * i)));
		}
#pragma GCC unroll 40
		for (int i = 0; i < 40; i++) {
			const int a = -i & 3, b = (1 - i) & 3, e = (2 - i) & 3, g = (3 - i) & 3;

			EACH {
				uint64x2_t k = known != NULL ? vld1q_u64(known + 2 * i) :
							       vaddq_u64(w[s][i & 7], vld1q_u64(planish_k512 + 2 * i));

				ROUNDS512(state[s][a], state[s][b], state[s][e], state[s][g], k);
				if (known == NULL && i < 32)
					w[s][i & 7] = vsha512su1q_u64(
						vsha512su0q_u64(w[s][i & 7], w[s][(i + 1) & 7]), w[s][(i + 7) & 7],
						vextq_u64(w[s][(i + 4) & 7], w[s][(i + 5) & 7], 1));
			}
		}
		EACH {
			for (int i = 0; i < 4; i++)
				state[s][i] = vaddq_u64(state[s][i], before[s][i]);
		}
	}
	EACH {
		for (int i = 0; i < 4; i++)
			vst1q_u8(messages[s].digest + 16 * i, vrev64q_u8(vreinterpretq_u8_u64(state[s][i])));
	}
}

TARGET512 void planish_sha512_arm1(const struct planish_message *messages, size_t count, size_t size)
{
	uint64_t padding[80];

	planish_padding512(padding, size);
	for (size_t m = 0; m < count; m++)
		group512(messages + m, size, padding, 1);
}

TARGET512 void planish_sha512_arm2(const struct planish_message *messages, size_t count, size_t size)
{
	uint64_t padding[80];
	size_t m = 0;

	planish_padding512(padding, size);
	for (; m + 2 <= count; m += 2)
		group512(messages + m, size, padding, 2);
	for (; m < count; m++)
		group512(messages + m, size, padding, 1);
}

#else
typedef int planish_no_arm;
#endif
