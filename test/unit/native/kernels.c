/* Prints every kernel that this machine may choose from, and what is to be said of it; then two sums. */
#include <stdio.h>

#include "crc32.h"
#include "hash.h"

int main(void)
{
	static const unsigned char digits[] = "123456789";
	static const unsigned char zeros[100];

	for (uint32_t algorithm = PLANISH_SHA256; algorithm <= PLANISH_SHA512; algorithm++) {
		const struct planish_kernel_table *table = planish_kernels(algorithm);

		for (size_t i = 0; i < table->count; i++)
			printf("%s %s\n", table->rows[i].name, table->rows[i].refusal ? table->rows[i].refusal : "runs");
	}
	printf("crc32 %s %08x %08x\n", planish_crc32_kernel(), (unsigned)planish_crc32(digits, 9, 0),
	       (unsigned)planish_crc32(zeros, sizeof zeros, 0));
	return 0;
}
