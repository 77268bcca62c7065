/* Which kernels there are, whether they are right on this processor, and which is the fastest. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "hash.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

/*
 * The known answer: messages of CHECK_SIZE bytes whose lengths run over every remainder, cut from one pattern; their
 * digests as one more message, of CHECK_ALL bytes. That digest was computed by Python's hashlib.
 */
#define CHECK_COUNT 41
#define CHECK_SIZE 512
#define CHECK_ALL 4096

static const unsigned char answer256[32] = {
	0xe2, 0xed, 0x95, 0x6a, 0xba, 0xec, 0x82, 0xcb, 0x4b, 0x8d, 0xe5, 0xde, 0xd1, 0xd1, 0x56, 0x92,
	0xc6, 0x5e, 0x20, 0xee, 0x0e, 0xe5, 0x82, 0xbe, 0xec, 0x22, 0x27, 0x9c, 0x8b, 0x5b, 0xbf, 0x1a,
};
static const unsigned char answer512[64] = {
	0x91, 0x35, 0x9d, 0x12, 0x30, 0xbd, 0x35, 0x29, 0x02, 0xc6, 0xa9, 0x6c, 0x61, 0xb0, 0x72, 0x68,
	0xfb, 0x7e, 0x1d, 0x37, 0xe1, 0xb2, 0x50, 0x4d, 0xc5, 0xb6, 0xfc, 0x5c, 0xed, 0xf1, 0x00, 0xeb,
	0xf6, 0x3b, 0xed, 0x01, 0xee, 0x42, 0x92, 0xeb, 0x8c, 0xcf, 0x76, 0x56, 0xa8, 0xaa, 0x87, 0xf3,
	0x1f, 0x7d, 0x73, 0xb5, 0xb9, 0x45, 0xb0, 0xe6, 0x5d, 0xea, 0x78, 0x46, 0xbd, 0xd3, 0x00, 0x5b,
};

/* Messages that are timed, and how often: about a millisecond for all kernels of both algorithms. */
#define TIMED_COUNT 48
#define TIMED_SIZE 2048
#define TIMED_ROUNDS 4

static const char *can_portable(void)
{
	return NULL;
}

#if defined(__x86_64__)
static const char *can_ni(void)
{
	unsigned int eax = 7, ebx = 0, ecx = 0, edx = 0;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (!__builtin_cpu_supports("sse4.1") || !(ebx >> 29 & 1))
		return "the processor has no SHA extensions";
	return NULL;
}

static const char *can_avx2(void)
{
	return __builtin_cpu_supports("avx2") ? NULL : "the processor or the kernel has no AVX2";
}

static const char *can_avx512(void)
{
#ifdef PLANISH_PLAIN_VECTORS
	return NULL;
#else
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
		return NULL;
	return "the processor or the kernel has no AVX-512";
#endif
}
#endif

#if defined(__aarch64__)
static const char *can_sha2(void)
{
	/* HWCAP_SHA2 */
	return getauxval(AT_HWCAP) >> 6 & 1 ? NULL : "the processor has no SHA-256 instructions";
}

static const char *can_sha512(void)
{
	/* HWCAP_SHA512 */
	return getauxval(AT_HWCAP) >> 21 & 1 ? NULL : "the processor has no SHA-512 instructions";
}
#endif

struct candidate {
	const char *name;
	planish_kernel *run;
	const char *(*refuse)(void);
};

static const struct candidate candidates256[] = {
	{ "portable", planish_sha256_portable, can_portable },
#if defined(__x86_64__)
	{ "sha-ni-x1", planish_sha256_ni1, can_ni },
	{ "sha-ni-x2", planish_sha256_ni2, can_ni },
	{ "sha-ni-x3", planish_sha256_ni3, can_ni },
	{ "avx2-x8", planish_sha256_avx2, can_avx2 },
	{ "avx512-x16", planish_sha256_avx512, can_avx512 },
#endif
#if defined(__aarch64__)
	{ "armv8-x1", planish_sha256_arm1, can_sha2 },
	{ "armv8-x3", planish_sha256_arm3, can_sha2 },
#endif
};

static const struct candidate candidates512[] = {
	{ "portable", planish_sha512_portable, can_portable },
#if defined(__x86_64__)
	{ "avx2-x4", planish_sha512_avx2, can_avx2 },
	{ "avx512-x8", planish_sha512_avx512, can_avx512 },
#endif
#if defined(__aarch64__)
	{ "armv8-x1", planish_sha512_arm1, can_sha512 },
	{ "armv8-x2", planish_sha512_arm2, can_sha512 },
#endif
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/*
 * Dirty upper halves of vector registers, left by whoever ran before, slow every SHA instruction down by half. Nothing
 * tells that they are dirty, so they are always cleaned.
 */
#if defined(__x86_64__)
__attribute__((target("avx"))) static void zero_upper(void)
{
	__builtin_ia32_vzeroupper();
}
#endif

void planish_clean_vectors(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx"))
		zero_upper();
#endif
}

void planish_hash(const struct planish_kernel_row *row, const struct planish_message *messages, size_t count,
		  size_t size)
{
	planish_clean_vectors();
	row->run(messages, count, size);
}

static void make_pattern(unsigned char *pattern, size_t length)
{
	uint32_t state = 1;

	for (size_t i = 0; i < length; i++) {
		state = state * 1103515245u + 12345u;
		pattern[i] = (unsigned char)(state >> 16);
	}
}

static int is_right(const struct planish_kernel_row *row, const unsigned char *answer, size_t length)
{
	unsigned char pattern[CHECK_COUNT + CHECK_SIZE], digests[CHECK_ALL] = { 0 }, digest[PLANISH_DIGEST_MAX];
	struct planish_message messages[CHECK_COUNT];
	struct planish_message all = { digests, CHECK_ALL, digest };

	make_pattern(pattern, sizeof pattern);
	for (size_t i = 0; i < CHECK_COUNT; i++)
		messages[i] = (struct planish_message){ pattern + i, i * 37 % (CHECK_SIZE + 1), digests + i * length };
	messages[CHECK_COUNT - 1].length = CHECK_SIZE;
	planish_hash(row, messages, CHECK_COUNT, CHECK_SIZE);
	planish_hash(row, &all, 1, CHECK_ALL);
	return memcmp(digest, answer, length) == 0;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t measure(const struct planish_kernel_row *row)
{
	static const unsigned char zeros[TIMED_SIZE];
	unsigned char digests[TIMED_COUNT][PLANISH_DIGEST_MAX];
	struct planish_message messages[TIMED_COUNT];
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < TIMED_COUNT; i++)
		messages[i] = (struct planish_message){ zeros, TIMED_SIZE, digests[i] };
	for (int round = 0; round < TIMED_ROUNDS; round++) {
		uint64_t start = now();

		planish_hash(row, messages, TIMED_COUNT, TIMED_SIZE);
		uint64_t time = now() - start;
		if (time < best)
			best = time;
	}
	return best > 0 ? best : 1;
}

/* The first row is the portable one: it is timed only where it is alone, being slower than all others. */
static void fill(struct planish_kernel_table *table, const struct candidate *candidates, const unsigned char *answer,
		 size_t length)
{
	for (size_t i = 0; i < table->count; i++) {
		struct planish_kernel_row *row = &table->rows[i];

		row->name = candidates[i].name;
		row->run = candidates[i].run;
		row->refusal = candidates[i].refuse();
		if (row->refusal == NULL && !is_right(row, answer, length))
			row->refusal = "it gave a wrong answer";
		if (i == 0 || row->refusal != NULL)
			continue;
		row->time = measure(row);
		if (table->chosen == 0 || row->time < table->rows[table->chosen].time)
			table->chosen = i;
	}
}

static struct planish_kernel_row rows256[COUNT(candidates256)], rows512[COUNT(candidates512)];
static struct planish_kernel_table tables[2] = {
	{ .rows = rows256, .count = COUNT(candidates256) },
	{ .rows = rows512, .count = COUNT(candidates512) },
};

/* 0 nobody has begun, 1 somebody is at it, 2 done. */
static atomic_int progress;

const struct planish_kernel_table *planish_kernels(uint32_t algorithm)
{
	int none = 0;

	if (atomic_load(&progress) != 2) {
		if (atomic_compare_exchange_strong(&progress, &none, 1)) {
			fill(&tables[0], candidates256, answer256, sizeof answer256);
			fill(&tables[1], candidates512, answer512, sizeof answer512);
			atomic_store(&progress, 2);
		}
		while (atomic_load(&progress) != 2)
			nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	return &tables[algorithm == PLANISH_SHA512];
}

size_t planish_digest_length(uint32_t algorithm)
{
	return algorithm == PLANISH_SHA256 ? 32 : algorithm == PLANISH_SHA512 ? 64 : 0;
}
