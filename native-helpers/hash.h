/*
 * Hashing many short messages of one length at once, which is all that fs-verity asks for: blocks of 4096 bytes and
 * descriptors of 256. One SHA-256 stream leaves most of a processor idle, because every round waits for the one before;
 * kernels that run several messages side by side fill it.
 *
 * A kernel is used only after it has given the known answer on the processor at hand, and the fastest of those is
 * chosen by timing them once (`planish_kernels`): tables of processors would be wrong about the next one. Every kernel
 * gives the same bytes.
 */
#ifndef PLANISH_HASH_H
#define PLANISH_HASH_H

#include <stddef.h>
#include <stdint.h>

#define PLANISH_SHA256 1u
#define PLANISH_SHA512 2u
#define PLANISH_DIGEST_MAX 64

/* A message of `size` bytes (see `planish_kernel`): `length` bytes of data, then zeros, which need not be there. */
struct planish_message {
	const unsigned char *data;
	size_t length;
	unsigned char *digest;
};

/*
 * Digests of `count` messages of `size` bytes each, at least their length and a multiple of 128, at most
 * PLANISH_MESSAGE_MAX. Neighbours should have similar lengths: what is zeros in all of them costs half.
 */
typedef void planish_kernel(const struct planish_message *messages, size_t count, size_t size);

#define PLANISH_MESSAGE_MAX 65536

/* One way to hash, and what is to be said of it. */
struct planish_kernel_row {
	const char *name;
	planish_kernel *run;
	/* Why it cannot run here, or NULL. Valid once `planish_kernels` was called. */
	const char *refusal;
	/* Nanoseconds that it took for the messages of the self-timing; 0 where it was not timed. */
	uint64_t time;
};

/* The kernels of an algorithm; `chosen` is the row that is used. Checks and times them when first called. */
struct planish_kernel_table {
	struct planish_kernel_row *rows;
	size_t count;
	size_t chosen;
};
const struct planish_kernel_table *planish_kernels(uint32_t algorithm);

/* Runs a kernel of a table. */
void planish_hash(const struct planish_kernel_row *row, const struct planish_message *messages, size_t count,
		  size_t size);

/* Cleans the upper halves of vector registers, which must come before any SHA instruction. */
void planish_clean_vectors(void);

/* Bytes of a digest; 0 where there is no such algorithm. */
size_t planish_digest_length(uint32_t algorithm);

/* Constants of FIPS 180-4. */
extern const uint32_t planish_k256[64] __attribute__((aligned(64)));
extern const uint64_t planish_k512[80];
extern const uint32_t planish_h256[8];
extern const uint64_t planish_h512[8];

/* The kernels; `hash.c` knows which of them were compiled and which can run. */
planish_kernel planish_sha256_portable, planish_sha512_portable;
planish_kernel planish_sha256_ni1, planish_sha256_ni2, planish_sha256_ni3;
planish_kernel planish_sha256_avx2, planish_sha256_avx512, planish_sha512_avx2, planish_sha512_avx512;
planish_kernel planish_sha256_arm1, planish_sha256_arm3, planish_sha512_arm1, planish_sha512_arm2;

#endif
