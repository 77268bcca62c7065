/* fs-verity of one open file. The structures are those of <linux/fsverity.h>. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel.h"

struct enable_argument {
	uint32_t version;
	uint32_t hash_algorithm;
	uint32_t block_size;
	uint32_t salt_size;
	uint64_t salt_ptr;
	uint32_t sig_size;
	uint32_t reserved1;
	uint64_t sig_ptr;
	uint64_t reserved2[11];
};

struct measure_head {
	uint16_t digest_algorithm;
	uint16_t digest_size;
};

/* musl takes an int, glibc what POSIX does not. */
#ifdef __GLIBC__
#define REQUEST unsigned long
#else
#define REQUEST int
#endif
#define ENABLE_VERITY _IOW('f', 133, struct enable_argument)
#define MEASURE_VERITY _IOWR('f', 134, struct measure_head)

_Static_assert(sizeof(struct enable_argument) == 128, "struct fsverity_enable_arg");
_Static_assert(sizeof(struct measure_head) == 4, "struct fsverity_digest");

int planish_enable_verity(int fd, uint32_t algorithm, uint32_t block_size, const void *signature, size_t length)
{
	struct enable_argument argument = {
		.version = 1,
		.hash_algorithm = algorithm,
		.block_size = block_size,
		.sig_size = (uint32_t)length,
		.sig_ptr = length > 0 ? (uint64_t)(uintptr_t)signature : 0,
	};

	if (length > PLANISH_VERITY_SIGNATURE_MAX)
		return -EMSGSIZE;
	return ioctl(fd, (REQUEST)ENABLE_VERITY, &argument) < 0 ? -errno : 0;
}

int planish_measure_verity(int fd, unsigned char digest[PLANISH_VERITY_DIGEST_MAX], uint32_t *algorithm)
{
	union {
		struct measure_head head;
		unsigned char bytes[sizeof(struct measure_head) + PLANISH_VERITY_DIGEST_MAX];
	} measured;

	memset(&measured, 0, sizeof measured);
	measured.head.digest_size = PLANISH_VERITY_DIGEST_MAX;
	if (ioctl(fd, (REQUEST)MEASURE_VERITY, &measured) < 0)
		return -errno;
	if (measured.head.digest_size > PLANISH_VERITY_DIGEST_MAX)
		return -EOVERFLOW;
	memcpy(digest, measured.bytes + sizeof measured.head, measured.head.digest_size);
	*algorithm = measured.head.digest_algorithm;
	return measured.head.digest_size;
}
