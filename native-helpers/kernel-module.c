/* What JavaScript sees of verity.c, link.c, memory.c and mount.c; the typed mirror is src/native/contract.ts. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel.h"
#include "values.h"

/* Names of file systems, and keys of their options. */
#define WORD_MAX 256
/* Values of options; the kernel takes no more. */
#define VALUE_MAX 4096

static bool get_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *arguments)
{
	size_t count = wanted;

	return napi_get_cb_info(env, info, &count, arguments, NULL, NULL) == napi_ok;
}

static bool get_int(napi_env env, napi_value value, int *result)
{
	return napi_get_value_int32(env, value, result) == napi_ok;
}

static bool get_unsigned(napi_env env, napi_value value, uint32_t *result)
{
	return napi_get_value_uint32(env, value, result) == napi_ok;
}

/* enableVerity(fd, algorithm, blockSize, signature: Uint8Array): 0 | negative errno */
static napi_value enable_verity(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	int fd;
	uint32_t algorithm, block_size;
	struct planish_view signature;

	if (!get_arguments(env, info, 4, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !get_unsigned(env, arguments[1], &algorithm) ||
	    !get_unsigned(env, arguments[2], &block_size) || !planish_get_view(env, arguments[3], &signature))
		return planish_throw_type_error(env, "enableVerity takes three numbers and a Uint8Array");
	return planish_number(env,
			      planish_enable_verity(fd, algorithm, block_size, signature.data, signature.length));
}

/* measureVerity(fd): Buffer of a byte for the algorithm and the digest | negative errno */
static napi_value measure_verity(napi_env env, napi_callback_info info)
{
	napi_value arguments[1], result = NULL;
	unsigned char measured[1 + PLANISH_VERITY_DIGEST_MAX];
	uint32_t algorithm = 0;
	int fd, length;

	if (!get_arguments(env, info, 1, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd))
		return planish_throw_type_error(env, "measureVerity takes a number");
	length = planish_measure_verity(fd, measured + 1, &algorithm);
	if (length < 0)
		return planish_number(env, length);
	measured[0] = (unsigned char)algorithm;
	if (napi_create_buffer_copy(env, 1 + (size_t)length, measured, NULL, &result) != napi_ok)
		return planish_number(env, -ENOMEM);
	return result;
}

/* linkDescriptor(fd, path: Uint8Array): 0 | negative errno */
static napi_value link_descriptor(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct planish_view path;
	char text[PATH_MAX];
	int fd, failed;

	if (!get_arguments(env, info, 2, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !planish_get_view(env, arguments[1], &path))
		return planish_throw_type_error(env, "linkDescriptor takes a number and a Uint8Array");
	failed = planish_copy_string(&path, text, sizeof text);
	return planish_number(env, failed ? failed : planish_link_descriptor(fd, text));
}

/* lockDescriptor(fd, operation): 0 | negative errno */
static napi_value lock_descriptor(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	int fd, operation;

	if (!get_arguments(env, info, 2, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !get_int(env, arguments[1], &operation))
		return planish_throw_type_error(env, "lockDescriptor takes two numbers");
	return planish_number(env, planish_lock_descriptor(fd, operation));
}

/* syncFilesystem(fd): 0 | negative errno */
static napi_value sync_filesystem(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	int fd;

	if (!get_arguments(env, info, 1, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd))
		return planish_throw_type_error(env, "syncFilesystem takes a number");
	return planish_number(env, planish_sync_filesystem(fd));
}

/* returnMemory(): 1 | 0 */
static napi_value return_memory(napi_env env, napi_callback_info info)
{
	(void)info;
	return planish_number(env, planish_return_memory());
}

/* openFilesystem(type: Uint8Array): descriptor | negative errno */
static napi_value open_filesystem(napi_env env, napi_callback_info info)
{
	napi_value arguments[1];
	struct planish_view type;
	char text[WORD_MAX];
	int failed;

	if (!get_arguments(env, info, 1, arguments))
		return NULL;
	if (!planish_get_view(env, arguments[0], &type))
		return planish_throw_type_error(env, "openFilesystem takes a Uint8Array");
	failed = planish_copy_string(&type, text, sizeof text);
	return planish_number(env, failed ? failed : planish_open_filesystem(text));
}

/* configureFilesystem(fd, command, key: Uint8Array, value: Uint8Array, aux): 0 | negative errno; empty is none */
static napi_value configure_filesystem(napi_env env, napi_callback_info info)
{
	napi_value arguments[5];
	struct planish_view key, value;
	char key_text[WORD_MAX], value_text[VALUE_MAX];
	int fd, aux, failed;
	uint32_t command;

	if (!get_arguments(env, info, 5, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !get_unsigned(env, arguments[1], &command) ||
	    !planish_get_view(env, arguments[2], &key) || !planish_get_view(env, arguments[3], &value) ||
	    !get_int(env, arguments[4], &aux))
		return planish_throw_type_error(env, "configureFilesystem takes two numbers, two Uint8Arrays, a number");
	failed = planish_copy_string(&key, key_text, sizeof key_text);
	if (!failed)
		failed = planish_copy_string(&value, value_text, sizeof value_text);
	if (!failed)
		failed = planish_configure_filesystem(fd, command, key.length > 0 ? key_text : NULL,
						      value.length > 0 ? value_text : NULL, aux);
	return planish_number(env, failed);
}

/* makeMount(fd, attributes): descriptor | negative errno */
static napi_value make_mount(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	int fd;
	uint32_t attributes;

	if (!get_arguments(env, info, 2, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !get_unsigned(env, arguments[1], &attributes))
		return planish_throw_type_error(env, "makeMount takes two numbers");
	return planish_number(env, planish_make_mount(fd, attributes));
}

/* attachMount(fd, path: Uint8Array): 0 | negative errno */
static napi_value attach_mount(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct planish_view path;
	char text[PATH_MAX];
	int fd, failed;

	if (!get_arguments(env, info, 2, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !planish_get_view(env, arguments[1], &path))
		return planish_throw_type_error(env, "attachMount takes a number and a Uint8Array");
	failed = planish_copy_string(&path, text, sizeof text);
	return planish_number(env, failed ? failed : planish_attach_mount(fd, text));
}

/* openTree(path: Uint8Array, flags): descriptor | negative errno */
static napi_value open_tree(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct planish_view path;
	char text[PATH_MAX];
	uint32_t flags;
	int failed;

	if (!get_arguments(env, info, 2, arguments))
		return NULL;
	if (!planish_get_view(env, arguments[0], &path) || !get_unsigned(env, arguments[1], &flags))
		return planish_throw_type_error(env, "openTree takes a Uint8Array and a number");
	failed = planish_copy_string(&path, text, sizeof text);
	return planish_number(env, failed ? failed : planish_open_tree(text, flags));
}

/* setMountAttributes(fd, set, clear, userns): 0 | negative errno */
static napi_value set_mount_attributes(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	int fd, userns;
	uint32_t set, clear;

	if (!get_arguments(env, info, 4, arguments))
		return NULL;
	if (!get_int(env, arguments[0], &fd) || !get_unsigned(env, arguments[1], &set) ||
	    !get_unsigned(env, arguments[2], &clear) || !get_int(env, arguments[3], &userns))
		return planish_throw_type_error(env, "setMountAttributes takes four numbers");
	return planish_number(env, planish_set_mount_attributes(fd, set, clear, userns));
}

/* unmount(path: Uint8Array, flags): 0 | negative errno */
static napi_value unmount(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct planish_view path;
	char text[PATH_MAX];
	int flags, failed;

	if (!get_arguments(env, info, 2, arguments))
		return NULL;
	if (!planish_get_view(env, arguments[0], &path) || !get_int(env, arguments[1], &flags))
		return planish_throw_type_error(env, "unmount takes a Uint8Array and a number");
	failed = planish_copy_string(&path, text, sizeof text);
	return planish_number(env, failed ? failed : planish_unmount(text, flags));
}

bool planish_define_kernel(napi_env env, napi_value exports)
{
	static const struct {
		const char *name;
		napi_callback callback;
	} functions[] = {
		{ "enableVerity", enable_verity },
		{ "measureVerity", measure_verity },
		{ "linkDescriptor", link_descriptor },
		{ "lockDescriptor", lock_descriptor },
		{ "syncFilesystem", sync_filesystem },
		{ "returnMemory", return_memory },
		{ "openFilesystem", open_filesystem },
		{ "configureFilesystem", configure_filesystem },
		{ "makeMount", make_mount },
		{ "attachMount", attach_mount },
		{ "openTree", open_tree },
		{ "setMountAttributes", set_mount_attributes },
		{ "unmount", unmount },
	};

	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
		if (!planish_define(env, exports, functions[i].name, functions[i].callback))
			return false;
	return true;
}
