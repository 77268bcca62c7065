/* Memory that is free. */
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "kernel.h"

int planish_return_memory(void)
{
#ifdef __GLIBC__
	return malloc_trim(0);
#else
	return 0;
#endif
}
