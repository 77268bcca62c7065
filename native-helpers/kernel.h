/*
 * What verity.c, link.c, memory.c and mount.c offer: thin system calls that Node has no function for. Each returns 0 or what its
 * comment says, else a negative errno. Descriptors that are returned are close-on-exec and the caller's.
 *
 * Structures and numbers of the kernel's interface are spelled out where they are used, because musl comes without
 * kernel headers and those of old distributions lack the newer calls.
 */
#ifndef PLANISH_KERNEL_H
#define PLANISH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest fs-verity digest, and of the longest builtin signature that the kernel takes. */
#define PLANISH_VERITY_DIGEST_MAX 64
#define PLANISH_VERITY_SIGNATURE_MAX 16128

/*
 * FS_IOC_ENABLE_VERITY: `fd` is open for reading and nobody has the file open for writing. Algorithm 1 is SHA-256, 2
 * is SHA-512. No salt; no signature where `length` is 0. Reads the whole file.
 */
int planish_enable_verity(int fd, uint32_t algorithm, uint32_t block_size, const void *signature, size_t length);

/* FS_IOC_MEASURE_VERITY: fills `digest`, sets `algorithm`, returns the length of the digest. */
int planish_measure_verity(int fd, unsigned char digest[PLANISH_VERITY_DIGEST_MAX], uint32_t *algorithm);

/* Gives an open file without a name (O_TMPFILE) the name `path`; -EEXIST where that is taken. */
int planish_link_descriptor(int fd, const char *path);

/* flock(2): `operation` is LOCK_SH, LOCK_EX or LOCK_UN, with LOCK_NB. */
int planish_lock_descriptor(int fd, int operation);

/* syncfs(2): everything of the file system that `fd` is on. */
int planish_sync_filesystem(int fd);

/*
 * malloc_trim(3): gives back what allocators of all threads, also of those that have ended, keep for later. 1 where that was
 * anything; 0 also with a libc that keeps little anyway.
 */
int planish_return_memory(void);

/* fsopen(2): a descriptor of the context of a new mount of that type of file system. */
int planish_open_filesystem(const char *type);

/*
 * fsconfig(2). Commands as in <linux/mount.h>: 0 flag, 1 string, 5 descriptor (in `aux`), 6 create. `key` and `value`
 * may be NULL where the command has none.
 */
int planish_configure_filesystem(int fd, unsigned int command, const char *key, const char *value, int aux);

/* fsmount(2): a descriptor of the detached mount with these attributes (MOUNT_ATTR_RDONLY is 1). */
int planish_make_mount(int fd, unsigned int attributes);

/* open_tree(2): a descriptor of what is mounted at `path`, or of a detached copy of it (OPEN_TREE_CLONE is 1). */
int planish_open_tree(const char *path, unsigned int flags);

/* move_mount(2): attaches the detached mount at `path`. */
int planish_attach_mount(int fd, const char *path);

/* mount_setattr(2) on the mount itself. `userns` is a descriptor for MOUNT_ATTR_IDMAP (0x100000), else 0. */
int planish_set_mount_attributes(int fd, uint64_t set, uint64_t clear, int userns);

/* umount2(2) with UMOUNT_NOFOLLOW and `flags` (MNT_DETACH is 2). */
int planish_unmount(const char *path, int flags);

#endif
