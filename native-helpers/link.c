/* Names, locks and syncs of open files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "kernel.h"

/* By way of /proc, since AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH on kernels before 6.10. */
int planish_link_descriptor(int fd, const char *path)
{
	char name[32];

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int planish_lock_descriptor(int fd, int operation)
{
	int result;

	do
		result = flock(fd, operation);
	while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : 0;
}

int planish_sync_filesystem(int fd)
{
	return syncfs(fd) < 0 ? -errno : 0;
}
