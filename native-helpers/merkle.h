/* fs-verity digests (Linux, Documentation/filesystems/fsverity.rst): blocks of 4096 bytes, no salt. */
#ifndef PLANISH_MERKLE_H
#define PLANISH_MERKLE_H

#include "hash-stream.h"

#define PLANISH_BLOCK 4096u

/* A content that lies in memory, and where its digest shall go. */
struct planish_content {
	const unsigned char *data;
	size_t size;
	unsigned char *digest;
};

/*
 * Digests of contents, breadth first: all blocks of all contents, then all blocks of the next level, and so on, so that
 * a kernel of many lanes is never short of work. 0 or -ENOMEM. `beside` is a stream of which as much is hashed by the way
 * as fits, or NULL.
 */
int planish_measure_contents(const struct planish_content *contents, size_t count, uint32_t algorithm,
			     struct planish_waiting *beside);

/*
 * Digests of the blocks of some bytes, one behind another, the last block filled up with zeros. `beside` as above.
 */
void planish_hash_blocks(const unsigned char *data, size_t length, uint32_t algorithm, unsigned char *digests,
			 struct planish_waiting *beside);

/* Levels that a content of 2^64 bytes has at most, at 64 digests a block. */
#define PLANISH_LEVELS 10

/* A content that goes by. Memory does not grow with it. */
struct planish_tree {
	const struct planish_kernel_row *kernel;
	uint32_t algorithm;
	size_t digest_length;
	uint64_t size;
	struct planish_level {
		uint64_t digests;
		size_t filled;
		unsigned char block[PLANISH_BLOCK];
	} levels[PLANISH_LEVELS];
};

void planish_tree_begin(struct planish_tree *tree, uint32_t algorithm);

/* The next bytes; their length is a multiple of PLANISH_BLOCK, but for the last call. `beside` as above. */
void planish_tree_add(struct planish_tree *tree, const unsigned char *data, size_t length,
		      struct planish_waiting *beside);

/* The digest of what was added. */
void planish_tree_end(struct planish_tree *tree, unsigned char *digest);

/* A stream that files are parts of: `gaps[i]` bytes of those between stand before file i, all others behind the last. */
struct planish_parts {
	struct planish_stream *stream;
	const unsigned char *between;
	size_t length;
	const double *gaps;
};

/*
 * Digests of files by path, each with the size it is known to have, `digest_length` bytes each to `digests`. Stops at
 * the first that cannot be opened or read, is no regular file or has another size, and returns how many were measured;
 * or -ENOMEM. `paths` are NUL-terminated, one behind another. No last link is followed. Where `parts` are not NULL their
 * stream is hashed as well, every file being read once; it is of no use where not all files were measured. -EINVAL for
 * gaps that are not there.
 */
int planish_measure_files(const char *paths, const double *sizes, size_t count, uint32_t algorithm,
			  unsigned char *digests, const struct planish_parts *parts);

#endif
