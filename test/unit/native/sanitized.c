/*
 * Runs the C helpers without Node under the sanitizers, LeakSanitizer included: sanitized DIRECTORY FILES
 * STORE. With a fourth argument it leaks on purpose, to show that a leak is noticed. Prints the bytes of each result.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "store-files.h"

static void scan(const char *path, uint32_t flags, size_t limit)
{
	struct planish_bytes bytes = { .limit = limit };
	struct planish_failure failure = { .step = PLANISH_STEP_OPEN, .name = "" };
	int failed = planish_scan_directory(path, flags, &bytes, &failure);

	printf("scan %d %zu\n", failed, failed ? 0 : bytes.length);
	planish_release(&bytes);
}

static void list(const char *path, size_t limit)
{
	struct planish_bytes bytes = { .limit = limit };
	struct planish_target target = { .path = path, .fd = -1 };
	int failed = planish_append_xattrs(&target, &bytes);

	printf("list %d %zu\n", failed, failed ? 0 : bytes.length);
	planish_release(&bytes);
}

/* A directory three times, its contents measured and stored below the second, by SHA-256 and SHA-512. */
static void scan_contents(const char *path, const char *store, uint32_t algorithm, size_t limit)
{
	struct planish_listed listed = { .bytes = { .limit = limit }, .digest_length = planish_digest_length(algorithm) };
	struct planish_reader *reader = planish_new_reader(algorithm, planish_note_content, &listed);
	struct planish_place place;
	char paths[3 * 4096];
	size_t length = strlen(path) + 1;
	int failed;

	if (reader == NULL || planish_open_place(&place, store) < 0)
		exit(3);
	for (size_t i = 0; i < 3; i++)
		memcpy(paths + i * length, path, length);
	reader->place = &place;
	failed = planish_scan_directories(paths, 3, 0, reader, &listed);
	if (limit > 65536)
		printf("contents %d %zu\n", failed, listed.bytes.length);
	planish_close_place(&place);
	free(reader);
	planish_release(&listed.bytes);
}

/* Files of all three kinds, and one that is not as its stamp says. */
static void store(const char *top, const char *directory, uint32_t algorithm)
{
	static const char *const names[] = { "small", "held", "large", "small" };
	unsigned char stamps[4 * PLANISH_STAMP], digests[4 * PLANISH_DIGEST_MAX], outcomes[4] = { 9, 9, 9, 9 };
	struct planish_stored stored = { digests, planish_digest_length(algorithm), outcomes };
	char paths[4 * 4096], *at = paths;
	struct stat st;

	for (size_t i = 0; i < 4; i++) {
		int length = snprintf(at, 4096, "%s/%s", top, names[i]);

		if (stat(at, &st) < 0)
			exit(4);
		st.st_size += i == 3;
		planish_put_stamp(stamps + i * PLANISH_STAMP, &st);
		at += length + 1;
	}
	for (uint32_t flags = 0; flags <= PLANISH_STORE_CLONES; flags++) {
		int done = planish_store_files(directory, paths, stamps, 4, algorithm, flags, &stored);

		printf("store %d %d%d%d%d\n", done, outcomes[0], outcomes[1], outcomes[2], outcomes[3]);
	}
	printf("store %d\n", planish_store_files("/nonexistent", paths, stamps, 4, algorithm, 0, &stored));
}

int main(int count, char **arguments)
{
	static void *volatile lost;
	char longest[4096];

	if (count < 4)
		return 2;
	scan(arguments[1], 0, 1 << 20);
	/* Every limit up to the whole size, so that every allocation is refused once. */
	for (size_t limit = 0; limit < 8192; limit += 7)
		scan(arguments[1], 0, limit);
	for (size_t limit = 0; limit < 4096; limit += 7)
		list(arguments[1], limit);
	for (size_t limit = 0; limit < 16384; limit += 61)
		scan_contents(arguments[2], arguments[3], PLANISH_SHA256, limit);
	for (uint32_t algorithm = PLANISH_SHA256; algorithm <= PLANISH_SHA512; algorithm++) {
		scan_contents(arguments[2], arguments[3], algorithm, 1 << 20);
		store(arguments[2], arguments[3], algorithm);
	}
	scan("/nonexistent", 0, 1 << 20);
	memset(longest, '/', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	scan(longest, PLANISH_SCAN_WITHOUT_XATTRS, 1 << 20);
	printf("set %d\n", planish_set_xattr(arguments[1], "nonsense.x", "", 0));
	if (count > 4) {
		lost = malloc(64);
		(void)lost;
		lost = NULL;
	}
	return 0;
}
