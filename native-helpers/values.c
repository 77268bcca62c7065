/* Arguments and results of Node-API. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "values.h"

napi_value planish_throw_type_error(napi_env env, const char *message)
{
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return NULL;
}

int planish_get_view(napi_env env, napi_value value, struct planish_view *view)
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

int planish_get_doubles(napi_env env, napi_value value, struct planish_doubles *doubles)
{
	napi_typedarray_type type;
	bool is_array = false;
	void *data = NULL;

	if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array)
		return 0;
	if (napi_get_typedarray_info(env, value, &type, &doubles->count, &data, NULL, NULL) != napi_ok)
		return 0;
	doubles->data = data;
	return type == napi_float64_array;
}

int planish_copy_string(const struct planish_view *view, char *text, size_t size)
{
	if (view->length >= size)
		return -ENAMETOOLONG;
	if (view->length > 0)
		memcpy(text, view->data, view->length);
	text[view->length] = 0;
	/* Another thread may write to shared memory, so it is the copy that is checked. */
	return strlen(text) == view->length ? 0 : -EINVAL;
}

napi_value planish_number(napi_env env, int value)
{
	napi_value result = NULL;

	napi_create_int32(env, value, &result);
	return result;
}

bool planish_define(napi_env env, napi_value exports, const char *name, napi_callback callback)
{
	napi_value function;

	return napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == napi_ok &&
	       napi_set_named_property(env, exports, name, function) == napi_ok;
}
