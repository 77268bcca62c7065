/* What JavaScript sees: src/native/contract.ts is the typed mirror of this file. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <node_api.h>

#include "helpers.h"

struct view {
	const unsigned char *data;
	size_t length;
};

/* Only a mistake in a program reaches this, so it may throw. */
static napi_value throw_type_error(napi_env env, const char *message)
{
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return NULL;
}

/* The bytes of a Uint8Array (a Buffer is one); false for anything else. */
static int get_view(napi_env env, napi_value value, struct view *view)
{
	napi_typedarray_type type;
	bool is_array = false;
	void *data = NULL;

	if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array)
		return 0;
	if (napi_get_typedarray_info(env, value, &type, &view->length, &data, NULL, NULL) != napi_ok)
		return 0;
	view->data = data;
	return type == napi_uint8_array;
}

/* Copies bytes to a NUL-terminated string of at most `size` with the NUL; 0 or a negative errno. */
static int copy_string(const struct view *view, char *text, size_t size)
{
	if (view->length >= size)
		return -ENAMETOOLONG;
	if (view->length > 0)
		memcpy(text, view->data, view->length);
	text[view->length] = 0;
	/* Another thread may write to shared memory, so it is the copy that is checked. */
	return strlen(text) == view->length ? 0 : -EINVAL;
}

static napi_value number(napi_env env, int value)
{
	napi_value result = NULL;

	napi_create_int32(env, value, &result);
	return result;
}

/* The buffer as a Node Buffer of its own, or the error; the memory is given back either way. */
static napi_value finish(napi_env env, struct planish_bytes *bytes, int failed)
{
	napi_value result = NULL;

	if (failed)
		result = number(env, failed);
	else if (napi_create_buffer_copy(env, bytes->length, bytes->data, NULL, &result) != napi_ok)
		result = number(env, -ENOMEM);
	planish_release(bytes);
	return result;
}

/* listXattrs(path: Uint8Array, limit: number): Buffer | negative errno */
static napi_value list_xattrs(napi_env env, napi_callback_info info)
{
	size_t count = 2;
	napi_value arguments[2];
	struct view path;
	uint32_t limit;
	char text[PATH_MAX];
	struct planish_target target = { .path = text, .fd = -1 };
	struct planish_bytes bytes = { 0 };
	int failed;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!get_view(env, arguments[0], &path) ||
	    napi_get_value_uint32(env, arguments[1], &limit) != napi_ok)
		return throw_type_error(env, "listXattrs takes a Uint8Array and a number");
	bytes.limit = limit;
	failed = copy_string(&path, text, sizeof text);
	if (!failed)
		failed = planish_append_xattrs(&target, &bytes);
	return finish(env, &bytes, failed);
}

/* setXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): 0 | negative errno */
static napi_value set_xattr(napi_env env, napi_callback_info info)
{
	size_t count = 3;
	napi_value arguments[3];
	struct view path, name, value;
	char text[PATH_MAX];
	char attribute[XATTR_NAME_MAX + 1];
	int failed;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!get_view(env, arguments[0], &path) || !get_view(env, arguments[1], &name) ||
	    !get_view(env, arguments[2], &value))
		return throw_type_error(env, "setXattr takes three Uint8Arrays");
	failed = copy_string(&path, text, sizeof text);
	if (!failed)
		failed = copy_string(&name, attribute, sizeof attribute);
	if (!failed)
		failed = planish_set_xattr(text, attribute, value.data, value.length);
	return number(env, failed);
}

/* Writes step, length of name, name to the caller's 257 bytes. */
static void put_failure(unsigned char *at, const struct planish_failure *failure)
{
	size_t length = strlen(failure->name);

	at[0] = (unsigned char)failure->step;
	at[1] = (unsigned char)length;
	memcpy(at + 2, failure->name, length);
}

/* scanDirectory(path: Uint8Array, flags: number, limit: number, failure: Uint8Array): Buffer | negative errno */
static napi_value scan_directory(napi_env env, napi_callback_info info)
{
	size_t count = 4;
	napi_value arguments[4];
	struct view path, where;
	uint32_t flags, limit;
	char text[PATH_MAX];
	struct planish_bytes bytes = { 0 };
	struct planish_failure failure = { .step = PLANISH_STEP_OPEN, .name = "" };
	int failed;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!get_view(env, arguments[0], &path) || napi_get_value_uint32(env, arguments[1], &flags) != napi_ok ||
	    napi_get_value_uint32(env, arguments[2], &limit) != napi_ok ||
	    !get_view(env, arguments[3], &where) || where.length < 2 + sizeof failure.name - 1)
		return throw_type_error(env, "scanDirectory takes a Uint8Array, two numbers and 257 bytes");
	bytes.limit = limit;
	failed = copy_string(&path, text, sizeof text);
	if (!failed)
		failed = planish_scan_directory(text, flags, &bytes, &failure);
	if (failed)
		put_failure((unsigned char *)where.data, &failure);
	return finish(env, &bytes, failed);
}

static bool define(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
	napi_value function;

	return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok &&
	       napi_set_named_property(env, exports, name, function) == napi_ok;
}

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */)
{
	napi_value version = number(env, PLANISH_CONTRACT_VERSION);

	if (version == NULL || napi_set_named_property(env, exports, "contractVersion", version) != napi_ok ||
	    !define(env, exports, "listXattrs", list_xattrs) || !define(env, exports, "setXattr", set_xattr) ||
	    !define(env, exports, "scanDirectory", scan_directory))
		napi_throw_error(env, "ERR_PLANISH_INIT", "the native helpers could not be registered");
	return exports;
}
