/* What JavaScript sees of hash-stream.c; the typed mirror is src/native/contract.ts. */
#include <limits.h>
#include <stdint.h>

#include "stream-values.h"

/* The state in a Uint8Array of the caller's; NULL where it is too small or lies askew. */
static struct planish_stream *get_stream(napi_env env, napi_value value)
{
	struct planish_view view;

	if (!planish_get_view(env, value, &view) || view.length < sizeof(struct planish_stream) ||
	    (uintptr_t)view.data % sizeof(uint64_t) != 0)
		return NULL;
	return (struct planish_stream *)(uintptr_t)view.data;
}

bool planish_get_waiting(napi_env env, const napi_value *arguments, struct planish_waiting *waiting)
{
	napi_valuetype type;
	struct planish_view bytes;

	*waiting = (struct planish_waiting){ 0 };
	if (napi_typeof(env, arguments[0], &type) != napi_ok)
		return false;
	if (type == napi_undefined)
		return true;
	waiting->stream = get_stream(env, arguments[0]);
	if (waiting->stream == NULL || !planish_stream_is_begun(waiting->stream) ||
	    !planish_get_view(env, arguments[1], &bytes) || bytes.length > INT_MAX)
		return false;
	waiting->data = bytes.data;
	waiting->length = bytes.length;
	return true;
}

/* streamStateBytes(): bytes of a state, or 0 where the processor has no instructions for it */
static napi_value stream_state_bytes(napi_env env, napi_callback_info info)
{
	(void)info;
	return planish_number(env, planish_streams_run() ? (int)sizeof(struct planish_stream) : 0);
}

/* beginStream(state: Uint8Array) */
static napi_value begin_stream(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value arguments[1];
	struct planish_stream *stream;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	stream = get_stream(env, arguments[0]);
	if (stream == NULL || !planish_streams_run())
		return planish_throw_type_error(env, "beginStream takes streamStateBytes bytes");
	planish_stream_begin(stream);
	return planish_number(env, 0);
}

/* addToStreams(first: Uint8Array, bytes: Uint8Array, second?: Uint8Array, bytes: Uint8Array): bytes of the second that wait */
static napi_value add_to_streams(napi_env env, napi_callback_info info)
{
	size_t count = 4;
	napi_value arguments[4];
	struct planish_waiting first, second;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	if (!planish_get_waiting(env, arguments, &first) || first.stream == NULL ||
	    !planish_get_waiting(env, arguments + 2, &second) || second.stream == first.stream)
		return planish_throw_type_error(env, "addToStreams takes one or two streams and their bytes");
	planish_stream_add(&first, second.stream != NULL ? &second : NULL);
	return planish_number(env, (int)second.length);
}

/* endStream(state: Uint8Array, digest: Uint8Array): 0 */
static napi_value end_stream(napi_env env, napi_callback_info info)
{
	size_t count = 2;
	napi_value arguments[2];
	struct planish_stream *stream;
	struct planish_view digest;

	if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok)
		return NULL;
	stream = get_stream(env, arguments[0]);
	if (stream == NULL || !planish_stream_is_begun(stream) ||
	    !planish_get_view(env, arguments[1], &digest) || digest.length < planish_digest_length(PLANISH_SHA256))
		return planish_throw_type_error(env, "endStream takes a stream and space for its digest");
	planish_stream_end(stream, (unsigned char *)(uintptr_t)digest.data);
	return planish_number(env, 0);
}

bool planish_define_stream(napi_env env, napi_value exports)
{
	return planish_define(env, exports, "streamStateBytes", stream_state_bytes) &&
	       planish_define(env, exports, "beginStream", begin_stream) &&
	       planish_define(env, exports, "addToStreams", add_to_streams) &&
	       planish_define(env, exports, "endStream", end_stream);
}
