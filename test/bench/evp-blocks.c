/*
 * What OpenSSL takes to hash blocks one by one, as fsverity-utils and mkcomposefs do: the peer of blocks.mjs.
 *
 * evp-blocks ALGORITHM WINDOW ROUNDS [SIZES...]: hashes the blocks of a window of bytes over and over; or, with sizes of
 * contents of at most 4096 bytes that lie in it one behind another, makes the fs-verity digest of each. Prints the
 * digests of the last round as they are.
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, DESCRIPTOR = 256, ROOT_AT = 16 };

static EVP_MD *md;
static EVP_MD_CTX *context;

static void digest(const uint8_t *bytes, size_t length, uint8_t *out) {
	if (!EVP_DigestInit_ex2(context, md, NULL) || !EVP_DigestUpdate(context, bytes, length) ||
	    !EVP_DigestFinal_ex(context, out, NULL))
		exit(1);
}

static void measure(const uint8_t *content, size_t size, int algorithm, uint8_t *out) {
	static uint8_t block[BLOCK], descriptor[DESCRIPTOR];
	memcpy(block, content, size);
	memset(block + size, 0, BLOCK - size);
	descriptor[0] = 1;
	descriptor[1] = algorithm;
	descriptor[2] = 12;
	for (int byte = 0; byte < 8; byte++)
		descriptor[8 + byte] = (uint64_t)size >> (8 * byte);
	digest(block, BLOCK, descriptor + ROOT_AT);
	digest(descriptor, DESCRIPTOR, out);
}

int main(int argc, char **argv) {
	if (argc < 4)
		return 2;
	int algorithm = strcmp(argv[1], "sha512") == 0 ? 2 : 1;
	size_t window = strtoul(argv[2], NULL, 10), rounds = strtoul(argv[3], NULL, 10);
	int contents = argc - 4;
	size_t count = contents > 0 ? (size_t)contents : window / BLOCK;
	md = EVP_MD_fetch(NULL, argv[1], NULL);
	context = EVP_MD_CTX_new();
	size_t length = md ? EVP_MD_get_size(md) : 0;
	uint8_t *bytes = malloc(window), *digests = malloc(count * length);
	size_t *sizes = calloc(contents + 1, sizeof *sizes);
	if (!length || !bytes || !digests || !sizes)
		return 1;
	for (size_t at = 0; at < window; at++)
		bytes[at] = (at * 7 + (at >> 8)) & 0xff;
	for (int file = 0; file < contents; file++)
		sizes[file] = strtoul(argv[4 + file], NULL, 10);
	for (size_t round = 0; round < rounds; round++) {
		size_t at = 0;
		for (size_t item = 0; item < count; item++) {
			if (contents > 0)
				measure(bytes + at, sizes[item], algorithm, digests + item * length);
			else
				digest(bytes + at, BLOCK, digests + item * length);
			at += contents > 0 ? sizes[item] : BLOCK;
		}
	}
	return fwrite(digests, length, count, stdout) == count ? 0 : 1;
}
