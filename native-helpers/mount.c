/*
 * The mount calls of Linux 5.2 and 5.12, by number: the C libraries got functions for them late (glibc 2.36) or never
 * (musl). The numbers are the same on every architecture that came after 2019's unification, which are all but alpha
 * and mips.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel.h"

#if defined(__alpha__) || defined(__mips__)
#define NUMBER(generic) (-1L)
#else
#define NUMBER(generic) (generic)
#endif

#define CLOEXEC_OF_FSOPEN 1u
#define CLOEXEC_OF_FSMOUNT 1u
#define MOVE_FROM_DESCRIPTOR 4u
#define NOFOLLOW_OF_UMOUNT 8
#define EMPTY_PATH 0x1000u

struct mount_attributes {
	uint64_t attr_set;
	uint64_t attr_clr;
	uint64_t propagation;
	uint64_t userns_fd;
};

_Static_assert(sizeof(struct mount_attributes) == 32, "struct mount_attr");

static int outcome(long result)
{
	return result < 0 ? -errno : (int)result;
}

int planish_open_tree(const char *path, unsigned int flags)
{
	return outcome(syscall(NUMBER(428L), AT_FDCWD, path, flags | (unsigned int)O_CLOEXEC));
}

int planish_attach_mount(int fd, const char *path)
{
	return outcome(syscall(NUMBER(429L), fd, "", AT_FDCWD, path, MOVE_FROM_DESCRIPTOR));
}

int planish_open_filesystem(const char *type)
{
	return outcome(syscall(NUMBER(430L), type, CLOEXEC_OF_FSOPEN));
}

int planish_configure_filesystem(int fd, unsigned int command, const char *key, const char *value, int aux)
{
	return outcome(syscall(NUMBER(431L), fd, command, key, value, aux));
}

int planish_make_mount(int fd, unsigned int attributes)
{
	return outcome(syscall(NUMBER(432L), fd, CLOEXEC_OF_FSMOUNT, attributes));
}

int planish_set_mount_attributes(int fd, uint64_t set, uint64_t clear, int userns)
{
	struct mount_attributes attributes = {
		.attr_set = set,
		.attr_clr = clear,
		.userns_fd = (uint64_t)(unsigned int)userns,
	};

	return outcome(syscall(NUMBER(442L), fd, "", EMPTY_PATH, &attributes, sizeof attributes));
}

int planish_unmount(const char *path, int flags)
{
	return umount2(path, flags | NOFOLLOW_OF_UMOUNT) < 0 ? -errno : 0;
}
