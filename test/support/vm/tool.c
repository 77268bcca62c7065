/*
 * The program that runs inside the test machine: planish's own verity.c, mount.c and xattr.c behind a command line, so
 * that the kernel there is asked by the very code that is asked elsewhere. Static, because the machine has no libraries.
 *
 *   tool enable ALGORITHM FILE [SIGNATURE]   "enable FILE RESULT"; RESULT is ok or the name of the error
 *   tool enable-tree ALGORITHM DIRECTORY     the same for every regular file below; prints how many
 *   tool measure FILE                        "measure FILE sha512:HEX" or the error
 *   tool key CERTIFICATE                     adds to the keyring .fs-verity; "key CERTIFICATE RESULT"
 *   tool mount IMAGE OBJECTS POINT VERITY    EROFS from the file below an overlay; "mount IMAGE RESULT"
 *   tool xattr NAME PATH                     "xattr NAME PATH VALUE" in hexadecimal, or the error
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "kernel.h"

static const char *name_of(int result)
{
	return result >= 0 ? "ok" : strerrorname_np(-result);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t size)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	if (file == NULL)
		return 0;
	length = fread(bytes, 1, size, file);
	fclose(file);
	return length;
}

static uint32_t algorithm_of(const char *name)
{
	return strcmp(name, "sha256") == 0 ? 1 : 2;
}

static int enable_file(const char *path, uint32_t algorithm, const unsigned char *signature, size_t length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = planish_enable_verity(fd, algorithm, 4096, signature, length);
	close(fd);
	return result;
}

static int enable(int count, char **arguments)
{
	static unsigned char signature[PLANISH_VERITY_SIGNATURE_MAX + 1];
	size_t length = count > 4 ? read_file(arguments[4], signature, sizeof signature) : 0;

	printf("enable %s %s\n", arguments[3],
	       name_of(enable_file(arguments[3], algorithm_of(arguments[2]), signature, length)));
	return 0;
}

static uint32_t tree_algorithm;
static int tree_enabled;

static int enable_visited(const char *path, const struct stat *status, int type, struct FTW *where)
{
	int result;

	(void)where;
	if (type != FTW_F || !S_ISREG(status->st_mode))
		return 0;
	result = enable_file(path, tree_algorithm, NULL, 0);
	if (result == 0)
		tree_enabled++;
	else if (result != -EEXIST)
		printf("enable %s %s\n", path, name_of(result));
	return 0;
}

static int enable_tree(char **arguments)
{
	tree_algorithm = algorithm_of(arguments[2]);
	nftw(arguments[3], enable_visited, 16, FTW_PHYS);
	printf("enabled %d\n", tree_enabled);
	return 0;
}

static int measure(const char *path)
{
	unsigned char digest[PLANISH_VERITY_DIGEST_MAX];
	uint32_t algorithm;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int length = fd < 0 ? -errno : planish_measure_verity(fd, digest, &algorithm);

	if (length < 0) {
		printf("measure %s %s\n", path, name_of(length));
		return 1;
	}
	printf("measure %s %s:", path, algorithm == 1 ? "sha256" : "sha512");
	for (int i = 0; i < length; i++)
		printf("%02x", digest[i]);
	printf("\n");
	return 0;
}

/* The serial number of the keyring, which the kernel made and /proc/keys tells. */
static long verity_keyring(void)
{
	FILE *keys = fopen("/proc/keys", "r");
	char line[512];
	long serial = -1;

	while (keys != NULL && fgets(line, sizeof line, keys) != NULL)
		if (strstr(line, " .fs-verity:") != NULL)
			serial = strtol(line, NULL, 16);
	if (keys != NULL)
		fclose(keys);
	return serial;
}

static int add_key(const char *path)
{
	static unsigned char certificate[1 << 16];
	size_t length = read_file(path, certificate, sizeof certificate);
	long result = syscall(SYS_add_key, "asymmetric", "", certificate, length, (int)verity_keyring());

	printf("key %s %s\n", path, name_of(result < 0 ? -errno : 0));
	return 0;
}

static int configure(int fd, const char *key, const char *value)
{
	return planish_configure_filesystem(fd, value == NULL ? 0 : 1, key, value, 0);
}

static void print_log(int fd)
{
	char message[512];
	ssize_t length;

	while ((length = read(fd, message, sizeof message - 1)) > 0) {
		message[length] = 0;
		printf("log %s\n", message);
	}
}

static int create(int fd, unsigned int attributes)
{
	int result = planish_configure_filesystem(fd, 6, NULL, NULL, 0);

	if (result >= 0)
		result = planish_make_mount(fd, attributes);
	print_log(fd);
	return result;
}

static int mount_erofs(const char *image)
{
	int fd = planish_open_filesystem("erofs");
	int result = fd;

	if (result >= 0)
		result = configure(fd, "ro", NULL);
	if (result >= 0)
		result = configure(fd, "source", image);
	if (result >= 0)
		result = create(fd, 1);
	if (fd >= 0)
		close(fd);
	return result;
}

static int mount_overlay(const char *metadata, const char *objects, const char *verity)
{
	int fd = planish_open_filesystem("overlay");
	const char *const options[][2] = {
		{ "source", "composefs" }, { "metacopy", "on" }, { "redirect_dir", "on" },
		{ "verity", verity }, { "lowerdir+", metadata }, { "datadir+", objects },
	};
	int result = fd;

	for (size_t i = 0; i < sizeof options / sizeof options[0] && result >= 0; i++)
		result = configure(fd, options[i][0], options[i][1]);
	if (result >= 0)
		result = create(fd, 1);
	if (fd >= 0)
		close(fd);
	return result;
}

/* The EROFS mount is attached at POINT first and then covered by the overlay, which refers to it. */
static int mount_image(char **arguments)
{
	const char *point = arguments[4];
	int metadata = mount_erofs(arguments[2]);
	int result = metadata;

	if (result >= 0)
		result = planish_attach_mount(metadata, point);
	if (result >= 0)
		result = mount_overlay(point, arguments[3], arguments[5]);
	if (result >= 0)
		result = planish_attach_mount(result, point);
	printf("mount %s %s\n", arguments[2], name_of(result));
	return result < 0;
}

static int print_xattr(const char *name, const char *path)
{
	unsigned char value[4096];
	ssize_t length = lgetxattr(path, name, value, sizeof value);

	printf("xattr %s %s ", name, path);
	for (ssize_t i = 0; i < length; i++)
		printf("%02x", value[i]);
	printf("%s\n", length < 0 ? name_of(-errno) : "");
	return 0;
}

int main(int count, char **arguments)
{
	const char *command = count > 1 ? arguments[1] : "";

	if (count >= 4 && strcmp(command, "enable") == 0)
		return enable(count, arguments);
	if (count == 4 && strcmp(command, "enable-tree") == 0)
		return enable_tree(arguments);
	if (count == 3 && strcmp(command, "measure") == 0)
		return measure(arguments[2]);
	if (count == 3 && strcmp(command, "key") == 0)
		return add_key(arguments[2]);
	if (count == 6 && strcmp(command, "mount") == 0)
		return mount_image(arguments);
	if (count == 4 && strcmp(command, "xattr") == 0)
		return print_xattr(arguments[2], arguments[3]);
	fprintf(stderr, "usage: see tool.c\n");
	return 2;
}
