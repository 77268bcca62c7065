/*
 * What the files on directories and attributes share. Only *module.c and values.c know Node-API: the
 * rest is plain C on Linux system calls, so that it can be run under sanitizers by itself. An ordinary failure is a
 * negative errno, never an abort or a JavaScript exception. Nothing here keeps state (but for the choice in
 * hash.c, made once): any thread may call at any time.
 */
#ifndef PLANISH_HELPERS_H
#define PLANISH_HELPERS_H

#include <stddef.h>
#include <stdint.h>

/* Raise together with CONTRACT_VERSION in src/native/contract.ts whenever arguments or packed bytes change. */
#define PLANISH_CONTRACT_VERSION 14

/* Bytes of the fixed part of a packed record, and of the head of a packed attribute. */
#define PLANISH_RECORD_HEAD 72
#define PLANISH_XATTR_HEAD 6

/* Limits of Linux (<linux/limits.h>), spelled out because musl comes without kernel headers. */
#ifndef XATTR_SIZE_MAX
#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536
#define XATTR_LIST_MAX 65536
#endif

/* Leave out all extended attributes. */
#define PLANISH_SCAN_WITHOUT_XATTRS 1u

/* Leave contents that are worth being shared with the source to whoever stores them by path. */
#define PLANISH_SCAN_CLONES 2u

/* A growing buffer that never holds more than `limit` bytes. Starts as zeros plus a limit. */
struct planish_bytes {
	unsigned char *data;
	size_t length;
	size_t capacity;
	size_t limit;
};

/* Makes room for `more` bytes behind `length`; 0, -ENOMEM, or -EOVERFLOW where that would pass the limit. */
int planish_reserve(struct planish_bytes *bytes, size_t more);

/* Gives the memory back; the buffer is empty afterwards. */
void planish_release(struct planish_bytes *bytes);

/* Little-endian stores, whatever the machine. */
void planish_put16(unsigned char *at, uint16_t value);
void planish_put32(unsigned char *at, uint32_t value);
void planish_put64(unsigned char *at, uint64_t value);

/* An inode whose attributes are meant: `path` without following a last link, or the open `fd` where path is NULL. */
struct planish_target {
	const char *path;
	int fd;
};

/*
 * Appends all attributes, each as u16 length of name, u32 length of value, name, value. An attribute that vanishes
 * between listing and reading is left out; a file system without attributes has none.
 */
int planish_append_xattrs(const struct planish_target *target, struct planish_bytes *out);

/* lsetxattr: creates or replaces one attribute without following a last link. */
int planish_set_xattr(const char *path, const char *name, const void *value, size_t length);

/* Which step of a scan failed, and at which child ("" = the directory itself). */
enum planish_step {
	PLANISH_STEP_OPEN = 1,
	PLANISH_STEP_LIST = 2,
	PLANISH_STEP_STAT = 3,
	PLANISH_STEP_READLINK = 4,
	PLANISH_STEP_XATTR = 5
};

struct planish_failure {
	enum planish_step step;
	char name[256];
};

/*
 * Appends one record for the directory itself and one for each child, in the order of the file system. Nothing is
 * followed. On failure `failure` says where; what `out` holds then is incomplete.
 */
int planish_scan_directory(const char *path, uint32_t flags, struct planish_bytes *out,
			   struct planish_failure *failure);

#endif
