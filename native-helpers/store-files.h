/* Files that become objects: read once, measured and written on the way. */
#ifndef PLANISH_STORE_FILES_H
#define PLANISH_STORE_FILES_H

#include "reader.h"

/* Share bytes with the source where that can be (FICLONE) rather than write them. */
#define PLANISH_STORE_CLONES 1u

/* Files of up to so many bytes are not worth being shared. */
#define PLANISH_UNSHARED_BYTES (16u * 1024)

/* Where results go: a digest and an outcome (enum planish_outcome) for each file. */
struct planish_stored {
	unsigned char *digests;
	size_t digest_length;
	unsigned char *outcomes;
};

/*
 * Stores files by path (each ends in NUL, one behind another; no last link is followed) below `directory`. Each is held to
 * the stamp that it is known to have (PLANISH_STAMP bytes, see reader.h), before it is read and afterwards; reading stops at the
 * first that is another file or has changed. How many were measured, or a negative errno.
 */
int planish_store_files(const char *directory, const char *paths, const unsigned char *stamps, size_t count,
			uint32_t algorithm, uint32_t flags, const struct planish_stored *stored);

#endif
