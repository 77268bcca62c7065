/* See merkle.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "merkle.h"

/* Divisible by the lanes of every kernel. */
#define QUEUE_LENGTH 96

#define DESCRIPTOR_BYTES 256
#define DESCRIPTOR_HEAD 16

static const struct planish_kernel_row *chosen_kernel(uint32_t algorithm)
{
	const struct planish_kernel_table *table = planish_kernels(algorithm);

	return &table->rows[table->chosen];
}

/* Messages of one size on their way to the kernel. */
struct queue {
	const struct planish_kernel_row *kernel;
	struct planish_waiting *beside;
	size_t size;
	size_t count;
	struct planish_message messages[QUEUE_LENGTH];
};

#define LENGTH_SHIFT 6
#define LENGTH_CLASSES (PLANISH_BLOCK / 64 + 1)

static size_t length_class(const struct planish_message *message)
{
	return (message->length + 63) >> LENGTH_SHIFT;
}

/* The longest first, so that neighbours end in zeros together, which kernels make use of. */
static void sort_queue(struct queue *queue)
{
	struct planish_message sorted[QUEUE_LENGTH];
	size_t place[LENGTH_CLASSES] = { 0 }, at = 0;

	for (size_t i = 0; i < queue->count; i++)
		place[length_class(&queue->messages[i])]++;
	for (size_t class = LENGTH_CLASSES; class-- > 0;) {
		size_t count = place[class];

		place[class] = at;
		at += count;
	}
	for (size_t i = 0; i < queue->count; i++)
		sorted[place[length_class(&queue->messages[i])]++] = queue->messages[i];
	memcpy(queue->messages, sorted, queue->count * sizeof *sorted);
}

static void flush(struct queue *queue)
{
	size_t done = 0;

	sort_queue(queue);
	if (queue->beside != NULL)
		done = planish_stream_beside(queue->beside, queue->messages, queue->count, queue->size);
	planish_hash(queue->kernel, queue->messages + done, queue->count - done, queue->size);
	queue->count = 0;
}

static void enqueue(struct queue *queue, const unsigned char *data, size_t length, unsigned char *digest)
{
	queue->messages[queue->count++] = (struct planish_message){ data, length, digest };
	if (queue->count == QUEUE_LENGTH)
		flush(queue);
}

/* All blocks of some bytes, digests one behind another. */
static void enqueue_blocks(struct queue *queue, const unsigned char *data, size_t length, unsigned char *digests,
			   size_t digest_length)
{
	for (size_t at = 0; at < length; at += PLANISH_BLOCK, digests += digest_length)
		enqueue(queue, data + at, length - at < PLANISH_BLOCK ? length - at : PLANISH_BLOCK, digests);
}

static size_t block_count(size_t length)
{
	return length / PLANISH_BLOCK + (length % PLANISH_BLOCK > 0);
}

/* Fills all of the descriptor but the root. Little-endian. */
static void begin_descriptor(unsigned char descriptor[DESCRIPTOR_HEAD], uint32_t algorithm, uint64_t size)
{
	memset(descriptor, 0, DESCRIPTOR_HEAD);
	descriptor[0] = 1;
	descriptor[1] = (unsigned char)algorithm;
	descriptor[2] = 12;
	for (int i = 0; i < 8; i++)
		descriptor[8 + i] = (unsigned char)(size >> 8 * i);
}

/* A content in work: the level that was hashed last, and its descriptor, whose root the last level becomes. */
struct work {
	unsigned char *level;
	size_t length;
	unsigned char descriptor[DESCRIPTOR_HEAD + PLANISH_DIGEST_MAX];
};

/* Bytes that all levels of a content take together; a single digest goes to the descriptor. */
static size_t tree_bytes(size_t size, size_t digest_length)
{
	size_t bytes = 0;

	for (size_t blocks = block_count(size); blocks > 1; blocks = block_count(blocks * digest_length))
		bytes += blocks * digest_length;
	return bytes;
}

static void hash_level(struct queue *queue, struct work *work, const unsigned char *data, size_t length,
		       unsigned char **free_space, size_t digest_length)
{
	size_t blocks = block_count(length);

	work->length = blocks * digest_length;
	work->level = blocks > 1 ? *free_space : work->descriptor + DESCRIPTOR_HEAD;
	if (blocks > 1)
		*free_space += work->length;
	enqueue_blocks(queue, data, length, work->level, digest_length);
}

static void measure(const struct planish_content *contents, size_t count, uint32_t algorithm, struct work *works,
		    unsigned char *free_space, struct planish_waiting *beside)
{
	size_t digest_length = planish_digest_length(algorithm);
	struct queue queue = {
		.kernel = chosen_kernel(algorithm),
		.beside = algorithm == PLANISH_SHA256 ? beside : NULL,
		.size = PLANISH_BLOCK,
	};
	size_t open = count;

	for (size_t i = 0; i < count; i++) {
		begin_descriptor(works[i].descriptor, algorithm, contents[i].size);
		memset(works[i].descriptor + DESCRIPTOR_HEAD, 0, PLANISH_DIGEST_MAX);
		hash_level(&queue, &works[i], contents[i].data, contents[i].size, &free_space, digest_length);
	}
	while (open > 0) {
		flush(&queue);
		open = 0;
		for (size_t i = 0; i < count; i++) {
			struct work *work = &works[i];

			if (work->length <= digest_length)
				continue;
			hash_level(&queue, work, work->level, work->length, &free_space, digest_length);
			open++;
		}
	}
	queue.size = DESCRIPTOR_BYTES;
	for (size_t i = 0; i < count; i++)
		enqueue(&queue, works[i].descriptor, DESCRIPTOR_HEAD + digest_length, contents[i].digest);
	flush(&queue);
}

/* Contents of one batch: enough for every lane, few enough that their trees stay in cache. */
#define BATCH_CONTENTS 1024

int planish_measure_contents(const struct planish_content *contents, size_t count, uint32_t algorithm,
			     struct planish_waiting *beside)
{
	struct work *works = malloc(BATCH_CONTENTS * sizeof *works);
	int failed = works == NULL ? -ENOMEM : 0;

	for (size_t done = 0; done < count && !failed; done += BATCH_CONTENTS) {
		size_t batch = count - done < BATCH_CONTENTS ? count - done : BATCH_CONTENTS;
		size_t bytes = 1;
		unsigned char *trees;

		for (size_t i = 0; i < batch; i++)
			bytes += tree_bytes(contents[done + i].size, planish_digest_length(algorithm));
		trees = malloc(bytes);
		if (trees == NULL)
			failed = -ENOMEM;
		else
			measure(contents + done, batch, algorithm, works, trees, beside);
		free(trees);
	}
	free(works);
	return failed;
}

void planish_hash_blocks(const unsigned char *data, size_t length, uint32_t algorithm, unsigned char *digests,
			 struct planish_waiting *beside)
{
	struct queue queue = {
		.kernel = chosen_kernel(algorithm),
		.beside = algorithm == PLANISH_SHA256 ? beside : NULL,
		.size = PLANISH_BLOCK,
	};

	enqueue_blocks(&queue, data, length, digests, planish_digest_length(algorithm));
	flush(&queue);
}

void planish_tree_begin(struct planish_tree *tree, uint32_t algorithm)
{
	tree->kernel = chosen_kernel(algorithm);
	tree->algorithm = algorithm;
	tree->digest_length = planish_digest_length(algorithm);
	tree->size = 0;
	for (int i = 0; i < PLANISH_LEVELS; i++)
		tree->levels[i].digests = tree->levels[i].filled = 0;
}

/* Notes digests that were written behind `filled`; a block that is full becomes a digest of the next level. */
static void grow_level(struct planish_tree *tree, size_t index, size_t digests)
{
	for (;; digests = 1) {
		struct planish_level *level = &tree->levels[index], *next = level + 1;
		struct planish_message message = { level->block, PLANISH_BLOCK, next->block + next->filled };

		level->digests += digests;
		level->filled += digests * tree->digest_length;
		if (level->filled < PLANISH_BLOCK)
			return;
		planish_hash(tree->kernel, &message, 1, PLANISH_BLOCK);
		level->filled = 0;
		index++;
	}
}

void planish_tree_add(struct planish_tree *tree, const unsigned char *data, size_t length,
		      struct planish_waiting *beside)
{
	struct planish_level *leaves = &tree->levels[0];

	tree->size += length;
	while (length > 0) {
		size_t room = (PLANISH_BLOCK - leaves->filled) / tree->digest_length * PLANISH_BLOCK;
		size_t part = length < room ? length : room;
		struct queue queue = {
			.kernel = tree->kernel,
			.beside = tree->algorithm == PLANISH_SHA256 ? beside : NULL,
			.size = PLANISH_BLOCK,
		};

		enqueue_blocks(&queue, data, part, leaves->block + leaves->filled, tree->digest_length);
		flush(&queue);
		grow_level(tree, 0, block_count(part));
		data += part;
		length -= part;
	}
}

/* Closes level after level; the first that has a single digest holds the root. */
static const unsigned char *find_root(struct planish_tree *tree)
{
	for (size_t index = 0;; index++) {
		struct planish_level *level = &tree->levels[index];

		if (level->digests == 1)
			return level->block;
		if (level->filled == 0)
			continue;
		memset(level->block + level->filled, 0, PLANISH_BLOCK - level->filled);
		level->filled = PLANISH_BLOCK - tree->digest_length;
		level->digests--;
		grow_level(tree, index, 1);
	}
}

void planish_tree_end(struct planish_tree *tree, unsigned char *digest)
{
	unsigned char descriptor[DESCRIPTOR_HEAD + PLANISH_DIGEST_MAX] = { 0 };
	struct planish_message message = { descriptor, DESCRIPTOR_HEAD + tree->digest_length, digest };

	begin_descriptor(descriptor, tree->algorithm, tree->size);
	if (tree->size > 0)
		memcpy(descriptor + DESCRIPTOR_HEAD, find_root(tree), tree->digest_length);
	planish_hash(tree->kernel, &message, 1, DESCRIPTOR_BYTES);
}
