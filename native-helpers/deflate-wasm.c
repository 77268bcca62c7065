/* What WebAssembly exports of deflate.c, for machines without the helpers: the same code, so the same bytes. */
#include "deflate.h"

#define CHUNK (1u << 20)

static uint64_t work[(3u << 20) / 8];
static unsigned char input[PLANISH_DEFLATE_HISTORY + CHUNK];
static unsigned char output[CHUNK + (1u << 16)];

__attribute__((export_name("input"))) unsigned char *planish_wasm_input(void)
{
	return input;
}

__attribute__((export_name("output"))) unsigned char *planish_wasm_output(void)
{
	return output;
}

/* Deflates what lies at `input`; 0 where the memory is too small for it, which is a defect. */
__attribute__((export_name("deflate"))) size_t planish_wasm_deflate(size_t history, size_t length, int level,
								    int is_last)
{
	if (planish_deflate_bytes() > sizeof work || length > CHUNK || history > PLANISH_DEFLATE_HISTORY ||
	    planish_deflate_bound(length) > sizeof output)
		return 0;
	return planish_deflate_chunk((struct planish_deflate *)(void *)work, input, history, length, level, is_last,
				     output);
}
