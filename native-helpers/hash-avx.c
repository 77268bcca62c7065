/*
 * SHA-256 and SHA-512 with AVX2 and AVX-512 on x86. With PLANISH_PLAIN_VECTORS the wide kernels are made of vectors
 * that the compiler takes apart itself, so that they can be tested on processors that lack the instructions.
 */
#include "hash-lane.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* Where a file has several targets, GCC warns of how vectors would be passed between them. None is. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define XOR3(x, y, z) ((x) ^ (y) ^ (z))
#define CHOOSE(e, f, g) ((g) ^ ((e) & ((f) ^ (g))))
#define MAJORITY(a, b, c) (((a) & (b)) | ((c) & ((a) | (b))))
#define ROTATE(x, n) ((x) >> (n) | (x) << (WORD - (n)))
#define BYTES 32
#define TARGET __attribute__((target("avx2")))
#define AVX2(x) ((__m256i)(x))
#define SPREAD(v, parts)                                                                                            \
	(v = (VECTOR)_mm256_inserti128_si256(                                                                     \
		 _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(parts)[0])),                            \
		 _mm_loadu_si128((const __m128i *)(parts)[1]), 1))
#define SWAP(v) (v = (VECTOR)_mm256_shuffle_epi8(AVX2(v), order))
#define LOW(v, x, y) (v = (VECTOR)_mm256_unpacklo_epi32(AVX2(x), AVX2(y)))
#define HIGH(v, x, y) (v = (VECTOR)_mm256_unpackhi_epi32(AVX2(x), AVX2(y)))
#define LOW64(v, x, y) (v = (VECTOR)_mm256_unpacklo_epi64(AVX2(x), AVX2(y)))
#define HIGH64(v, x, y) (v = (VECTOR)_mm256_unpackhi_epi64(AVX2(x), AVX2(y)))

#define order _mm256_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll, 0x0c0d0e0f08090a0bll, 0x0405060700010203ll)
#define WORD 32
#define NAME(x) x##sha256_avx2
#include "hash-vectors.h"
#undef order

#define order _mm256_set_epi64x(0x08090a0b0c0d0e0fll, 0x0001020304050607ll, 0x08090a0b0c0d0e0fll, 0x0001020304050607ll)
#define WORD 64
#define NAME(x) x##sha512_avx2
#include "hash-vectors.h"
#undef order

#undef BYTES
#undef TARGET
#undef SPREAD
#undef SWAP
#undef LOW
#undef HIGH
#undef LOW64
#undef HIGH64
#define BYTES 64

#ifdef PLANISH_PLAIN_VECTORS

/* Two halves, each within sixteen bytes: what unpacking instructions do. */
#define UNPACK(type, v, x, y, upper)                                                         \
	do {                                                                                 \
		type from[2][64 / sizeof(type)], to[64 / sizeof(type)];                      \
		VECTOR x_ = x, y_ = y;                                                       \
		memcpy(from[0], &x_, 64);                                                    \
		memcpy(from[1], &y_, 64);                                                    \
		for (size_t i_ = 0; i_ < 64 / sizeof(type); i_++) {                          \
			size_t width = 16 / sizeof(type), within = i_ % width;               \
			to[i_] = from[within % 2][i_ - within + within / 2 + (upper) * width / 2]; \
		}                                                                            \
		memcpy(&v, to, 64);                                                          \
	} while (0)
#define TARGET
#define SPREAD(v, parts)                                                       \
	do {                                                                   \
		unsigned char all[64];                                         \
		for (int i_ = 0; i_ < 4; i_++)                                 \
			memcpy(all + 16 * i_, (parts)[i_], 16);                \
		memcpy(&v, all, 64);                                           \
	} while (0)
#define SWAP(v)                                                                           \
	do {                                                                              \
		unsigned char in[64], out[64];                                            \
		memcpy(in, &v, 64);                                                       \
		for (int i_ = 0; i_ < 64; i_++)                                           \
			out[i_] = in[i_ ^ (WORD / 8 - 1)];                                \
		memcpy(&v, out, 64);                                                      \
	} while (0)
#define LOW(v, x, y) UNPACK(uint32_t, v, x, y, 0)
#define HIGH(v, x, y) UNPACK(uint32_t, v, x, y, 1)
#define LOW64(v, x, y) UNPACK(uint64_t, v, x, y, 0)
#define HIGH64(v, x, y) UNPACK(uint64_t, v, x, y, 1)

#else

#undef XOR3
#undef CHOOSE
#undef MAJORITY
#undef ROTATE
#define AVX512(x) ((__m512i)(x))
#define TERNARY(x, y, z, table) ((VECTOR)_mm512_ternarylogic_epi64(AVX512(x), AVX512(y), AVX512(z), table))
#define XOR3(x, y, z) TERNARY(x, y, z, 0x96)
#define CHOOSE(e, f, g) TERNARY(e, f, g, 0xca)
#define MAJORITY(a, b, c) TERNARY(a, b, c, 0xe8)
#define TARGET __attribute__((target("avx512f,avx512bw")))
#define PART(i, parts) _mm_loadu_si128((const __m128i *)(parts)[i])
/* Broadcasts under a mask are loads, not shuffles. */
#define SPREAD(v, parts)                                                                           \
	do {                                                                                       \
		__m512i all = _mm512_castsi128_si512(PART(0, parts));                              \
		all = _mm512_mask_broadcast_i32x4(all, 0x00f0, PART(1, parts));                    \
		all = _mm512_mask_broadcast_i32x4(all, 0x0f00, PART(2, parts));                    \
		v = (VECTOR)_mm512_mask_broadcast_i32x4(all, 0xf000, PART(3, parts));              \
	} while (0)
#define SWAP(v) (v = (VECTOR)_mm512_shuffle_epi8(AVX512(v), _mm512_broadcast_i32x4(order)))
#define LOW(v, x, y) (v = (VECTOR)_mm512_unpacklo_epi32(AVX512(x), AVX512(y)))
#define HIGH(v, x, y) (v = (VECTOR)_mm512_unpackhi_epi32(AVX512(x), AVX512(y)))
#define LOW64(v, x, y) (v = (VECTOR)_mm512_unpacklo_epi64(AVX512(x), AVX512(y)))
#define HIGH64(v, x, y) (v = (VECTOR)_mm512_unpackhi_epi64(AVX512(x), AVX512(y)))
#define ROTATE(x, n) (WORD == 32 ? (VECTOR)_mm512_ror_epi32(AVX512(x), (n) & 31) : (VECTOR)_mm512_ror_epi64(AVX512(x), n))

#endif

#define order _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll)
#define WORD 32
#define NAME(x) x##sha256_avx512
#include "hash-vectors.h"
#undef order

#define order _mm_set_epi64x(0x08090a0b0c0d0e0fll, 0x0001020304050607ll)
#define WORD 64
#define NAME(x) x##sha512_avx512
#include "hash-vectors.h"

#else
typedef int planish_no_avx;
#endif
