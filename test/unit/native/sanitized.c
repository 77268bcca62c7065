/*
 * Runs the C helpers without Node under the sanitizers, LeakSanitizer included: sanitized DIRECTORY. With a second
 * argument it leaks on purpose, to show that a leak is noticed. Prints the bytes of each result.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"

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

int main(int count, char **arguments)
{
	static void *volatile lost;
	char longest[4096];

	if (count < 2)
		return 2;
	scan(arguments[1], 0, 1 << 20);
	/* Every limit up to the whole size, so that every allocation is refused once. */
	for (size_t limit = 0; limit < 8192; limit += 7)
		scan(arguments[1], 0, limit);
	for (size_t limit = 0; limit < 4096; limit += 7)
		list(arguments[1], limit);
	scan("/nonexistent", 0, 1 << 20);
	memset(longest, '/', sizeof longest - 1);
	longest[sizeof longest - 1] = 0;
	scan(longest, PLANISH_SCAN_WITHOUT_XATTRS, 1 << 20);
	printf("set %d\n", planish_set_xattr(arguments[1], "nonsense.x", "", 0));
	if (count > 2) {
		lost = malloc(64);
		(void)lost;
		lost = NULL;
	}
	return 0;
}
