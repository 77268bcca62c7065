/*
 * Several messages at once from their beginning to their end; included once for each number of streams, with EACH of
 * hash-ni-rounds.h and
 *   NAME(x)       x with the number in its name
 */
#define FIND(s, _) const unsigned char *chunk##s = planish_lane_chunk(&lane##s, c, 64);
#define OPEN(s, index)              \
	struct planish_lane lane##s; \
	planish_lane_open(&lane##s, &messages[index##s], 64);
#define CLOSE(s, index) planish_store_digest(messages[index##s].digest, abef##s, cdgh##s);
#define LONGEST(s, _) used = lane##s.used > used ? lane##s.used : used;


TARGET static void NAME(group)(const struct planish_message *messages, size_t size, const uint32_t *padding)
{
	const __m128i swap = SWAP, abef0 = ABEF(planish_h256), cdgh0 = CDGH(planish_h256);
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

#undef FIND
#undef OPEN
#undef CLOSE
#undef LONGEST
