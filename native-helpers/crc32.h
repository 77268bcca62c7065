/* CRC-32 as gzip has it (RFC 1952, section 8). */
#ifndef PLANISH_CRC32_H
#define PLANISH_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* How it is computed here: "pclmulqdq", "armv8" or "portable". All give the same. */
const char *planish_crc32_kernel(void);

/* The sum of some bytes behind those whose sum is `crc` (0 for none). */
uint32_t planish_crc32(const unsigned char *data, size_t length, uint32_t crc);

/* The same by half bytes, for what is too short for anything else and for processors without instructions. */
uint32_t planish_crc32_portable(const unsigned char *data, size_t length, uint32_t crc);

#endif
