/* What JavaScript sees: src/native/contract.ts is the typed mirror of this file. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <node_api.h>

#include "helpers.h"
#include "values.h"

/* The buffer as a Node Buffer of its own, or the error; the memory is given back either way. */
static napi_value finish(napi_env env, struct planish_bytes *bytes, int failed)
{
	napi_value result = NULL;

	if (failed)
		result = planish_number(env, failed);
	else if (napi_create_buffer_copy(env, bytes->length, bytes->data, NULL, &result) != napi_ok)
		result = planish_number(env, -ENOMEM);
	planish_release(bytes);
	return result;
}

/* listXattrs(path: Uint8Array, limit: number): Buffer | negative errno */
static napi_value list_xattrs(napi_env env, napi_callback_info info)
{
	size_t count = 2;
	napi_value arguments[2];
	struct planish_view path;
	uint32_t limit;
	char text[PATH_MAX];
	struct planish_target target = { .path = text, .fd = -1 };
	struct planish_bytes bytes = { 0 };
	int failed;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &path) ||
	    napi_get_value_uint32(env, arguments[1], &limit) != napi_ok)
		return planish_throw_type_error(env, "listXattrs takes a Uint8Array and a number");
	bytes.limit = limit;
	failed = planish_copy_string(&path, text, sizeof text);
	if (!failed)
		failed = planish_append_xattrs(&target, &bytes);
	return finish(env, &bytes, failed);
}

/* setXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): 0 | negative errno */
static napi_value set_xattr(napi_env env, napi_callback_info info)
{
	size_t count = 3;
	napi_value arguments[3];
	struct planish_view path, name, value;
	char text[PATH_MAX];
	char attribute[XATTR_NAME_MAX + 1];
	int failed;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &path) || !planish_get_view(env, arguments[1], &name) ||
	    !planish_get_view(env, arguments[2], &value))
		return planish_throw_type_error(env, "setXattr takes three Uint8Arrays");
	failed = planish_copy_string(&path, text, sizeof text);
	if (!failed)
		failed = planish_copy_string(&name, attribute, sizeof attribute);
	if (!failed)
		failed = planish_set_xattr(text, attribute, value.data, value.length);
	return planish_number(env, failed);
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
	struct planish_view path, where;
	uint32_t flags, limit;
	char text[PATH_MAX];
	struct planish_bytes bytes = { 0 };
	struct planish_failure failure = { .step = PLANISH_STEP_OPEN, .name = "" };
	int failed;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_view(env, arguments[0], &path) || napi_get_value_uint32(env, arguments[1], &flags) != napi_ok ||
	    napi_get_value_uint32(env, arguments[2], &limit) != napi_ok ||
	    !planish_get_view(env, arguments[3], &where) || where.length < 2 + sizeof failure.name - 1)
		return planish_throw_type_error(env, "scanDirectory takes a Uint8Array, two numbers and 257 bytes");
	bytes.limit = limit;
	failed = planish_copy_string(&path, text, sizeof text);
	if (!failed)
		failed = planish_scan_directory(text, flags, &bytes, &failure);
	if (failed)
		put_failure((unsigned char *)where.data, &failure);
	return finish(env, &bytes, failed);
}

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */)
{
	napi_value version = planish_number(env, PLANISH_CONTRACT_VERSION);

	if (version == NULL || napi_set_named_property(env, exports, "contractVersion", version) != napi_ok ||
	    !planish_define(env, exports, "listXattrs", list_xattrs) ||
	    !planish_define(env, exports, "setXattr", set_xattr) ||
	    !planish_define(env, exports, "scanDirectory", scan_directory) || !planish_define_kernel(env, exports) ||
	    !planish_define_hash(env, exports) || !planish_define_inflate(env, exports) ||
	    !planish_define_deflate(env, exports) || !planish_define_stream(env, exports) ||
	    !planish_define_store(env, exports) || !planish_define_window(env, exports) ||
	    !planish_define_scan(env, exports))
		napi_throw_error(env, "ERR_PLANISH_INIT", "the native helpers could not be registered");
	return exports;
}
