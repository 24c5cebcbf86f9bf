/* core/display_claim.h: which X display number is ours. */
#ifndef SANDGATE_CORE_DISPLAY_CLAIM_H
#define SANDGATE_CORE_DISPLAY_CLAIM_H

#include "base/err.h"

/* The first number from 99 that no X server listens on and no other gateway has claimed. The claim
 * is an abstract Unix socket that goes with the process. */
int display_claim(int *ret_number, struct err *err) MUST_CHECK;

#endif
