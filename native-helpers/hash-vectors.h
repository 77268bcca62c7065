/*
 * SHA-2 over many messages, one to each lane of a vector; included once for each kernel, with
 *   WORD           32 or 64, for SHA-256 or SHA-512
 *   BYTES          bytes of a vector: 32 (AVX2) or 64 (AVX-512)
 *   TARGET         the attribute that lets the compiler use them
 *   NAME(x)        x with the kernel in its name
 *   ROTATE(x, n), CHOOSE(e, f, g), MAJORITY(a, b, c), XOR3(x, y, z), SPREAD(parts), SWAP(x), LOW(x, y), HIGH(x, y),
 *   LOW64(x, y), HIGH64(x, y): what the instruction sets spell differently
 *
 * Transposing is done mostly by loads: the same sixteen bytes of messages k, k + S, k + 2S … make one vector (S being
 * the words in sixteen bytes), which leaves one or two steps of unpacking within sixteen bytes.
 */
#if WORD == 32
#define UINT uint32_t
#define ROUNDS 64
#define CHUNK_BYTES 64
#define STRIDE 4
#define K planish_k256
#define H planish_h256
#define PADDING planish_padding256
#define STORE planish_store32
#define BIG0(x) XOR3(ROTATE(x, 2), ROTATE(x, 13), ROTATE(x, 22))
#define BIG1(x) XOR3(ROTATE(x, 6), ROTATE(x, 11), ROTATE(x, 25))
#define SMALL0(x) XOR3(ROTATE(x, 7), ROTATE(x, 18), (x) >> 3)
#define SMALL1(x) XOR3(ROTATE(x, 17), ROTATE(x, 19), (x) >> 10)
#else
#define UINT uint64_t
#define ROUNDS 80
#define CHUNK_BYTES 128
#define STRIDE 2
#define K planish_k512
#define H planish_h512
#define PADDING planish_padding512
#define STORE planish_store64
#define BIG0(x) XOR3(ROTATE(x, 28), ROTATE(x, 34), ROTATE(x, 39))
#define BIG1(x) XOR3(ROTATE(x, 14), ROTATE(x, 18), ROTATE(x, 41))
#define SMALL0(x) XOR3(ROTATE(x, 1), ROTATE(x, 8), (x) >> 7)
#define SMALL1(x) XOR3(ROTATE(x, 19), ROTATE(x, 61), (x) >> 6)
#endif
#define LANES (BYTES / (WORD / 8))

typedef UINT NAME(vector) __attribute__((vector_size(BYTES)));
#define VECTOR NAME(vector)

#define ROUND(a, b, c, d, e, f, g, h, word)                              \
	do {                                                              \
		VECTOR t1 = h + BIG1(e) + CHOOSE(e, f, g) + (word);       \
		VECTOR t2 = BIG0(a) + MAJORITY(a, b, c);                  \
		d += t1;                                                  \
		h = t1 + t2;                                              \
	} while (0)
#define EIGHT(WORDS, i)                                                                           \
	ROUND(a, b, c, d, e, f, g, h, WORDS(i)); ROUND(h, a, b, c, d, e, f, g, WORDS(i + 1));     \
	ROUND(g, h, a, b, c, d, e, f, WORDS(i + 2)); ROUND(f, g, h, a, b, c, d, e, WORDS(i + 3)); \
	ROUND(e, f, g, h, a, b, c, d, WORDS(i + 4)); ROUND(d, e, f, g, h, a, b, c, WORDS(i + 5)); \
	ROUND(c, d, e, f, g, h, a, b, WORDS(i + 6)); ROUND(b, c, d, e, f, g, h, a, WORDS(i + 7));
#define BEGIN_ROUNDS                                                                    \
	VECTOR a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], \
	       f = state[5], g = state[6], h = state[7]
#define END_ROUNDS                                                                              \
	state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e, state[5] += f, \
	state[6] += g, state[7] += h

/* One word of each message for each of `STRIDE` neighbouring words. */
TARGET static inline __attribute__((always_inline)) void
NAME(load)(VECTOR *words, const unsigned char *const *chunks, size_t at)
{
	VECTOR v[STRIDE];

	for (int k = 0; k < STRIDE; k++) {
		const unsigned char *parts[BYTES / 16];

		for (int part = 0; part < BYTES / 16; part++)
			parts[part] = chunks[k + part * STRIDE] + at;
		SPREAD(v[k], parts);
		SWAP(v[k]);
	}
#if WORD == 32
	VECTOR low01, high01, low23, high23;

	LOW(low01, v[0], v[1]);
	HIGH(high01, v[0], v[1]);
	LOW(low23, v[2], v[3]);
	HIGH(high23, v[2], v[3]);
	LOW64(words[0], low01, low23);
	HIGH64(words[1], low01, low23);
	LOW64(words[2], high01, high23);
	HIGH64(words[3], high01, high23);
#else
	LOW64(words[0], v[0], v[1]);
	HIGH64(words[1], v[0], v[1]);
#endif
}

#define LOADED(i) (w[i] + K[i])
#define EXTEND(i)                                                                                      \
	(w[(i) & 15] += SMALL0(w[((i) + 1) & 15]) + w[((i) + 9) & 15] + SMALL1(w[((i) + 14) & 15]), \
	 w[(i) & 15] + K[r + (i)])

TARGET static void NAME(chunk)(VECTOR *state, const unsigned char *const *chunks)
{
	VECTOR w[16];
	BEGIN_ROUNDS;

#pragma GCC unroll 8
	for (int i = 0; i < 16; i += STRIDE)
		NAME(load)(w + i, chunks, (size_t)i * (WORD / 8));
	EIGHT(LOADED, 0)
	EIGHT(LOADED, 8)
	for (int r = 16; r < ROUNDS; r += 16) {
		EIGHT(EXTEND, 0)
		EIGHT(EXTEND, 8)
	}
	END_ROUNDS;
}

#define KNOWN(i) (schedule[r + (i)] + (VECTOR){ 0 })

/* A chunk whose schedule is the same in all lanes and known. */
TARGET static void NAME(known)(VECTOR *state, const UINT *schedule)
{
	BEGIN_ROUNDS;

	for (int r = 0; r < ROUNDS; r += 8) {
		EIGHT(KNOWN, 0)
	}
	END_ROUNDS;
}

/* At most LANES messages; lanes that are left over repeat the first. */
TARGET static void NAME(group)(const struct planish_message *messages, size_t count, size_t size, const UINT *padding)
{
	struct planish_lane lanes[LANES];
	VECTOR state[8];
	UINT words[8][LANES];
	size_t used = 0, c = 0;

	for (size_t i = 0; i < LANES; i++) {
		planish_lane_open(&lanes[i], &messages[i < count ? i : 0], CHUNK_BYTES);
		used = lanes[i].used > used ? lanes[i].used : used;
	}
	for (int i = 0; i < 8; i++)
		state[i] = H[i] + (VECTOR){ 0 };
	for (; c < used; c++) {
		const unsigned char *chunks[LANES];

		for (size_t i = 0; i < LANES; i++)
			chunks[i] = planish_lane_chunk(&lanes[i], c, CHUNK_BYTES);
		NAME(chunk)(state, chunks);
	}
	for (; c < size / CHUNK_BYTES; c++)
		NAME(known)(state, K);
	NAME(known)(state, padding);
	memcpy(words, state, sizeof words);
	for (size_t i = 0; i < count; i++)
		for (int j = 0; j < 8; j++)
			STORE(messages[i].digest + j * (WORD / 8), words[j][i]);
}

void NAME(planish_)(const struct planish_message *messages, size_t count, size_t size)
{
	UINT padding[ROUNDS];

	PADDING(padding, size);
	for (size_t m = 0; m < count; m += LANES)
		NAME(group)(messages + m, count - m < LANES ? count - m : LANES, size, padding);
}

#undef UINT
#undef ROUNDS
#undef CHUNK_BYTES
#undef STRIDE
#undef K
#undef H
#undef PADDING
#undef STORE
#undef BIG0
#undef BIG1
#undef SMALL0
#undef SMALL1
#undef LANES
#undef VECTOR
#undef ROUND
#undef EIGHT
#undef BEGIN_ROUNDS
#undef END_ROUNDS
#undef LOADED
#undef EXTEND
#undef KNOWN
#undef WORD
#undef NAME
