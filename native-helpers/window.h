/* What is done with a stretch of a tar on its way into a repository: hashed, its contents measured and written. */
#ifndef PLANISH_WINDOW_H
#define PLANISH_WINDOW_H

#include "merkle.h"

/*
 * Measures contents, whose digests go where they say, and writes them below `directory` as planish_store_objects does.
 * What waits of a stream, if any, is hashed as well. 0, -ENOMEM, or the negative errno of a directory that cannot be opened.
 */
int planish_store_window(const char *directory, const struct planish_content *contents, size_t count, uint32_t algorithm,
			 unsigned char *outcomes, struct planish_waiting *waiting);

/*
 * Appends part of a content to an open file; the digests of its blocks, the last one filled up with zeros, go to `digests`.
 * What waits of a stream, if any, is hashed as well. 0 or a negative errno.
 */
int planish_store_part(int fd, const unsigned char *data, size_t length, uint32_t algorithm, unsigned char *digests,
		       struct planish_waiting *waiting);

#endif
