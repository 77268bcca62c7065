/*
 * SHA-256 with the SHA extensions of x86 over several messages at once; included once for each number of streams, with
 *   STREAMS       their number
 *   EACH(F, ...)  F(a, ...) F(b, ...) … for each stream
 *   NAME(x)       x with the number in its name
 *
 * sha256rnds2 takes four cycles and can start every cycle, so a single stream is bound by waiting. Three fill the unit;
 * with four the sixteen registers spill. Messages live in registers m0 to m3 of each stream, the state as ABEF and CDGH.
 */
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
#define FIND(s, _) const unsigned char *chunk##s = planish_lane_chunk(&lane##s, c, 64);
#define OPEN(s, index)              \
	struct planish_lane lane##s; \
	planish_lane_open(&lane##s, &messages[index##s], 64);
#define CLOSE(s, index) store_digest(messages[index##s].digest, abef##s, cdgh##s);
#define LONGEST(s, _) used = lane##s.used > used ? lane##s.used : used;

/* One chunk whose schedule is known: the same words for all streams. */
#define KNOWN_CHUNK(words)                   \
	do {                                  \
		EACH(KEEP, 0)                 \
		for (int i = 0; i < 16; i++) { \
			EACH(KNOWN, words, i) \
		}                             \
		EACH(ADD, 0)                  \
	} while (0)

TARGET static void NAME(group)(const struct planish_message *messages, size_t size, const uint32_t *padding)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	const __m128i abef0 = _mm_set_epi32((int)planish_h256[0], (int)planish_h256[1], (int)planish_h256[4],
					    (int)planish_h256[5]);
	const __m128i cdgh0 = _mm_set_epi32((int)planish_h256[2], (int)planish_h256[3], (int)planish_h256[6],
					    (int)planish_h256[7]);
	enum { indexa, indexb, indexc };
	size_t used = 0, c = 0;
	EACH(DECLARE, 0)
	EACH(OPEN, index)

	EACH(LONGEST, 0)
	EACH(BEGIN, 0)
	for (; c < used; c++) {
		EACH(FIND, 0)
		EACH(KEEP, 0)
		CHUNK
		EACH(ADD, 0)
	}
	for (; c < size / 64; c++)
		KNOWN_CHUNK(planish_k256);
	KNOWN_CHUNK(padding);
	EACH(CLOSE, index)
}

#undef DECLARE
#undef BEGIN
#undef LOAD
#undef FIRST
#undef SECOND
#undef NEXT
#undef MIX
#undef KNOWN
#undef GROUP
#undef CHUNK
#undef KEEP
#undef ADD
#undef FIND
#undef OPEN
#undef CLOSE
#undef LONGEST
#undef KNOWN_CHUNK
