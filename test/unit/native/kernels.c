/* Prints every kernel that this machine may choose from, and what is to be said of it. */
#include <stdio.h>

#include "hash.h"

int main(void)
{
	for (uint32_t algorithm = PLANISH_SHA256; algorithm <= PLANISH_SHA512; algorithm++) {
		const struct planish_kernel_table *table = planish_kernels(algorithm);

		for (size_t i = 0; i < table->count; i++)
			printf("%s %s\n", table->rows[i].name, table->rows[i].refusal ? table->rows[i].refusal : "runs");
	}
	return 0;
}
