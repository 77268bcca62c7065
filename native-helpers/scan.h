/* Directories packed as records, with the contents of files that are small: the layout is in scan.c. */
#ifndef PLANISH_SCAN_H
#define PLANISH_SCAN_H

#include "helpers.h"
#include "reader.h"

/* What a record says of the content of a regular file. */
enum planish_known {
	/* Nothing: it is empty, or to be read by itself. */
	PLANISH_UNKNOWN = 0,
	/* Its bytes. */
	PLANISH_KNOWN_ITSELF = 1,
	/* Its digest; with PLANISH_LEFT, PLANISH_WRITTEN or PLANISH_PRESENT added, what became of it. */
	PLANISH_MEASURED = 2,
};

/* Bytes of the tail of a record before content or digest. */
#define PLANISH_TAIL_HEAD 13

/* Records of directories one behind another, each beginning with one without a name. */
struct planish_listed {
	struct planish_bytes bytes;
	size_t digest_length;
};

/* For a reader whose owner is the listing. */
planish_tell planish_note_content;

/*
 * Appends the records of directories (paths end in NUL, one behind another) up to the first that cannot be listed, or until
 * they are enough. Contents are measured, and stored, by the reader, which has read nothing before; NULL for none. 0 or
 * -ENOMEM.
 */
int planish_scan_directories(const char *paths, size_t count, uint32_t flags, struct planish_reader *reader,
			     struct planish_listed *listed);

#endif
