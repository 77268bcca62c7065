/*
 * Tables that decode the codes of a block. The next bits of the stream find an entry of the first level; codes that are
 * longer go on in a second level behind it.
 */
#ifndef PLANISH_INFLATE_TABLES_H
#define PLANISH_INFLATE_TABLES_H

#include <stdint.h>

#define LENGTH_BITS 11
#define DISTANCE_BITS 9
#define CODE_BITS 7
#define LENGTH_SYMBOLS 288
#define DISTANCE_SYMBOLS 32
#define CODE_SYMBOLS 19
#define LONGEST 15

/* Every second-level table serves two symbols or more and has at most 2^(15 - bits) entries. */
#define LENGTH_ENTRIES ((1 << LENGTH_BITS) + LENGTH_SYMBOLS / 2 * (1 << (LONGEST - LENGTH_BITS)))
#define DISTANCE_ENTRIES ((1 << DISTANCE_BITS) + DISTANCE_SYMBOLS / 2 * (1 << (LONGEST - DISTANCE_BITS)))

/*
 * An entry of a table: bits 0 to 7 all bits of the symbol with its extra bits, 8 to 12 those of the code alone, 16 to 30
 * its value: the literal, or the base of a length or distance. Of a link to a second level: the bits of the first level,
 * those of the second, and its place. Neither: the symbol ends the block, or has no meaning.
 */
#define LITERAL 0x80000000u
#define SPECIAL 0x8000u
#define LINK 0x4000u
#define END 0x2000u
#define INVALID SPECIAL
#define ENTRY_BITS(entry) ((entry) & 0xff)
#define ENTRY_CODE(entry) ((entry) >> 8 & 0x1f)
#define ENTRY_VALUE(entry) ((entry) >> 16 & 0x7fff)

/*
 * Each makes a table of the lengths of codes, by symbol: of literals and lengths, of distances, and of the code that
 * such lengths are written in. 0 where the lengths make no code that zlib would take.
 */
int planish_inflate_lengths(uint32_t *table, const uint8_t *lengths, unsigned count);
int planish_inflate_distances(uint32_t *table, const uint8_t *lengths, unsigned count);
int planish_inflate_codes(uint32_t *table, const uint8_t *lengths);

/* The tables of blocks without codes of their own. */
void planish_inflate_fixed(uint32_t *lengths, uint32_t *distances);

#endif
