/* Streams of hash-stream.c among the arguments of functions. */
#ifndef PLANISH_STREAM_VALUES_H
#define PLANISH_STREAM_VALUES_H

#include "hash-stream.h"
#include "values.h"

/*
 * A stream and the bytes of it that wait, of two arguments; no stream where the first is undefined. False for what is no
 * stream that was begun, and for more than INT_MAX bytes.
 */
bool planish_get_waiting(napi_env env, const napi_value *arguments, struct planish_waiting *waiting);

#endif
