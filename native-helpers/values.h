/* Values of Node-API as C sees them, for the files that register functions. */
#ifndef PLANISH_VALUES_H
#define PLANISH_VALUES_H

#include <stddef.h>

#include <node_api.h>

/* The bytes of a Uint8Array, for the length of one call. */
struct planish_view {
	const unsigned char *data;
	size_t length;
};

/* Throws; only a mistake in a program reaches this. Returns NULL. */
napi_value planish_throw_type_error(napi_env env, const char *message);

/* The bytes of a Uint8Array (a Buffer is one); 0 for anything else. */
int planish_get_view(napi_env env, napi_value value, struct planish_view *view);

/* The numbers of a Float64Array, for the length of one call. */
struct planish_doubles {
	const double *data;
	size_t count;
};

/* The numbers of a Float64Array; 0 for anything else. */
int planish_get_doubles(napi_env env, napi_value value, struct planish_doubles *doubles);

/* Copies bytes to a NUL-terminated string of at most `size` with the NUL; 0 or a negative errno. */
int planish_copy_string(const struct planish_view *view, char *text, size_t size);

/* A JavaScript number. */
napi_value planish_number(napi_env env, int value);

/* Adds a function to the exports. */
bool planish_define(napi_env env, napi_value exports, const char *name, napi_callback callback);

/* Adds the functions of kernel-module.c. */
bool planish_define_kernel(napi_env env, napi_value exports);

/* Adds the functions of inflate-module.c. */
bool planish_define_inflate(napi_env env, napi_value exports);

/* Adds the functions of deflate-module.c. */
bool planish_define_deflate(napi_env env, napi_value exports);

/* Adds the functions of hash-module.c. */
bool planish_define_hash(napi_env env, napi_value exports);

/* Adds the functions of stream-module.c. */
bool planish_define_stream(napi_env env, napi_value exports);

/* Adds the functions of window-module.c. */
bool planish_define_window(napi_env env, napi_value exports);

/* Adds the functions of scan-module.c. */
bool planish_define_scan(napi_env env, napi_value exports);

/* Adds the functions of store-module.c. */
bool planish_define_store(napi_env env, napi_value exports);

#endif
