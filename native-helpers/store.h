/* Files that are named by their content, as a composefs repository keeps them. */
#ifndef PLANISH_STORE_H
#define PLANISH_STORE_H

#include <stddef.h>

/* Longest name of an object: the hexadecimal digits of a SHA-512. */
#define PLANISH_NAME_MAX 128

/* What became of an object. */
enum planish_outcome {
	/* Nothing that could be told here: the caller shall do it step by step, and find out what is wrong. */
	PLANISH_LEFT = 0,
	PLANISH_WRITTEN = 1,
	/* A file of that name and size is there. */
	PLANISH_PRESENT = 2,
};

/* Bytes that lie in memory, and the digits of their digest. */
struct planish_object {
	const unsigned char *data;
	size_t size;
	const char *name;
};

/*
 * Writes objects below `directory`, each to a file without a name that gets its name (the first two digits are that of
 * a folder, made where it is missing) when it is whole, and notes what became of it. Nothing is replaced, nothing
 * flushed. `digits` is the length of the names. 0, or a negative errno where the directory cannot be opened.
 */
int planish_store_objects(const char *directory, const struct planish_object *objects, size_t count, size_t digits,
			  unsigned char *outcomes);

/* Digits of the folder of an object. */
#define PLANISH_FOLDER 2

/* A directory of objects that is open, for one thread. */
struct planish_place {
	int directory;
	/* Whether names are given by way of /proc alone: kernels before 6.10 want a capability for the short way. */
	int by_proc;
	char folder[PLANISH_FOLDER + 1];
	/* Folder, slash, the other digits. */
	char path[PLANISH_NAME_MAX + 2];
};

/* 0 or a negative errno; to be closed only where it was opened. */
int planish_open_place(struct planish_place *place, const char *directory);
void planish_close_place(struct planish_place *place);

/* Writes one object by its digest of `length` bytes, as planish_store_objects does. */
enum planish_outcome planish_store_content(struct planish_place *place, const unsigned char *data, size_t size,
					   const unsigned char *digest, size_t length);

/* 1 where an object of that size is there, 0 where nothing is, -1 where something else is or it cannot be told. */
int planish_look(struct planish_place *place, size_t size, const unsigned char *digest, size_t length);

/* A file without a name, for an object that is written piece by piece; negative where there is none to be had. */
int planish_open_draft(const struct planish_place *place);

/* Gives such a file the name of an object, all of its bytes being there. It stays open. */
enum planish_outcome planish_name_draft(struct planish_place *place, int fd, size_t size, const unsigned char *digest,
					size_t length);

/* Shares the bytes of one file with another (FICLONE). 0 or a negative errno. */
int planish_clone(int to, int from);

/* Appends to an open file. 0 or a negative errno. */
int planish_append(int fd, const unsigned char *data, size_t length);

/* The hexadecimal digits of a digest of `length` bytes. */
void planish_put_digits(char *name, const unsigned char *digest, size_t length);

/* Stands for what is there and is no file, or is not there; and for what could not be looked at. */
#define PLANISH_NO_FILE (-1.0)
#define PLANISH_UNSEEN (-2.0)

/* Sizes of objects below `directory`; `names` are their digits, one behind another. 0, or a negative errno. */
int planish_size_objects(const char *directory, const char *names, size_t count, size_t digits, double *sizes);

#endif
