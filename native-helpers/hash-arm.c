/* SHA-256 and SHA-512 with the crypto extensions of ARMv8. */
#include "hash-lane.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#else
typedef int planish_no_arm;
#endif
