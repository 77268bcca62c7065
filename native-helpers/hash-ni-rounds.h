/*
 * The rounds of SHA-256 with the SHA extensions of x86, for several streams at once. Whoever uses them defines
 *   EACH(F, ...)  F(a, ...) F(b, ...) … for each stream
 *
 * sha256rnds2 takes four cycles and can start every cycle, so a single stream is bound by waiting. Three fill the unit;
 * with four the sixteen registers spill. Messages live in registers m0 to m3 of each stream, the state as ABEF and CDGH.
 */
#ifndef PLANISH_HASH_NI_ROUNDS_H
#define PLANISH_HASH_NI_ROUNDS_H

#include "hash-lane.h"

/* The scheduler of GCC 12 pulls loads apart and costs a tenth. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-schedule-insns2")
#endif

#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define CONSTANT(i) _mm_load_si128((const __m128i *)planish_k256 + (i))
#define SWAP _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll)

#define DECLARE(s, _) __m128i abef##s, cdgh##s, w##s, m0##s, m1##s, m2##s, m3##s;
#define BEGIN(s, _)    \
	abef##s = abef0; \
	cdgh##s = cdgh0;
#define LOAD(s, m, at) m##s = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(chunk##s + (at))), swap);
#define FIRST(s, m, i)                          \
	w##s = _mm_add_epi32(m##s, CONSTANT(i)); \
	cdgh##s = _mm_sha256rnds2_epu32(cdgh##s, abef##s, w##s);
#define SECOND(s, _)                           \
	w##s = _mm_shuffle_epi32(w##s, 0x0e); \
	abef##s = _mm_sha256rnds2_epu32(abef##s, cdgh##s, w##s);
#define NEXT(s, next, m, last) \
	next##s = _mm_sha256msg2_epu32(_mm_add_epi32(next##s, _mm_alignr_epi8(m##s, last##s, 4)), m##s);
#define MIX(s, last, m) last##s = _mm_sha256msg1_epu32(last##s, m##s);
#define KNOWN(s, words, i)                                                                    \
	w##s = _mm_load_si128((const __m128i *)(words) + (i));                                 \
	cdgh##s = _mm_sha256rnds2_epu32(cdgh##s, abef##s, w##s);                               \
	abef##s = _mm_sha256rnds2_epu32(abef##s, cdgh##s, _mm_shuffle_epi32(w##s, 0x0e));

/* Four rounds: of words that are loaded; that also make the words three groups on; and that make no more. */
#define GROUP(i, last, m, next) \
	EACH(FIRST, m, i) EACH(NEXT, next, m, last) EACH(SECOND, 0) EACH(MIX, last, m)
#define CHUNK                                                        \
	EACH(LOAD, m0, 0) EACH(FIRST, m0, 0) EACH(SECOND, 0)          \
	EACH(LOAD, m1, 16) EACH(FIRST, m1, 1) EACH(SECOND, 0)         \
	EACH(MIX, m0, m1)                                             \
	EACH(LOAD, m2, 32) EACH(FIRST, m2, 2) EACH(SECOND, 0)         \
	EACH(MIX, m1, m2)                                             \
	EACH(LOAD, m3, 48)                                            \
	GROUP(3, m2, m3, m0) GROUP(4, m3, m0, m1)                     \
	GROUP(5, m0, m1, m2) GROUP(6, m1, m2, m3)                     \
	GROUP(7, m2, m3, m0) GROUP(8, m3, m0, m1)                     \
	GROUP(9, m0, m1, m2) GROUP(10, m1, m2, m3)                    \
	GROUP(11, m2, m3, m0) GROUP(12, m3, m0, m1)                   \
	EACH(FIRST, m1, 13) EACH(NEXT, m2, m1, m0) EACH(SECOND, 0)    \
	EACH(FIRST, m2, 14) EACH(NEXT, m3, m2, m1) EACH(SECOND, 0)    \
	EACH(FIRST, m3, 15) EACH(SECOND, 0)

#define KEEP(s, _) const __m128i abef_##s = abef##s, cdgh_##s = cdgh##s;
#define ADD(s, _)                                     \
	abef##s = _mm_add_epi32(abef##s, abef_##s); \
	cdgh##s = _mm_add_epi32(cdgh##s, cdgh_##s);
/* One chunk whose schedule is known: the same words for all streams. */
#define KNOWN_CHUNK(words)                   \
	do {                                  \
		EACH(KEEP, 0)                 \
		for (int i = 0; i < 16; i++) { \
			EACH(KNOWN, words, i) \
		}                             \
		EACH(ADD, 0)                  \
	} while (0)

/* The eight words of a state, apart as the instructions want them. */
#define ABEF(words) _mm_set_epi32((int)(words)[0], (int)(words)[1], (int)(words)[4], (int)(words)[5])
#define CDGH(words) _mm_set_epi32((int)(words)[2], (int)(words)[3], (int)(words)[6], (int)(words)[7])

TARGET static inline void planish_store_digest(unsigned char *digest, __m128i abef, __m128i cdgh)
{
	__m128i a = _mm_shuffle_epi32(abef, 0x1b);
	__m128i c = _mm_shuffle_epi32(cdgh, 0x1b);

	_mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi8(_mm_unpacklo_epi64(a, c), SWAP));
	_mm_storeu_si128((__m128i *)(digest + 16), _mm_shuffle_epi8(_mm_unpackhi_epi64(a, c), SWAP));
}

#endif
