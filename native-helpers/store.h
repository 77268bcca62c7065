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

/* Stands for what is there and is no file, or is not there; and for what could not be looked at. */
#define PLANISH_NO_FILE (-1.0)
#define PLANISH_UNSEEN (-2.0)

/* Sizes of objects below `directory`; `names` are their digits, one behind another. 0, or a negative errno. */
int planish_size_objects(const char *directory, const char *names, size_t count, size_t digits, double *sizes);

#endif
