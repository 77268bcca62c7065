/* Huffman codes of deflate (RFC 1951, section 3.2.2): from how often symbols occur to bits. */
#ifndef PLANISH_DEFLATE_HUFFMAN_H
#define PLANISH_DEFLATE_HUFFMAN_H

#include "deflate.h"

#define LITERAL_SYMBOLS 288
#define DISTANCE_SYMBOLS 30
/* Bits of the longest code of a literal, a length or a distance. */
#define LENGTH_LIMIT 15

/* By symbol: the code, its first bit lowest, and how many bits it has; none where the symbol does not occur. */
struct planish_code {
	uint16_t codes[LITERAL_SYMBOLS];
	uint8_t lengths[LITERAL_SYMBOLS];
};

/* The best code of at most `limit` bits for these counts; of two symbols at least, which readers of old want. */
void planish_make_code(struct planish_code *code, const uint32_t *counts, unsigned symbols, unsigned limit);

/* The codes that need not be sent. */
void planish_make_fixed_codes(struct planish_code *literals, struct planish_code *distances);

#endif
