/* tests/fault/shim.h: the page that a test and the program under test share.
 *
 * The program is linked with shim.c, which takes the place of the calls it makes (the linker's
 * --wrap: what libraries call on their own account is left alone) and counts those of the kinds in
 * `kinds`. The calls numbered fail_at, …, fail_at + run - 1 fail as they could in life. The page is
 * the file that SANDGATE_FAULT_PAGE names; a program without one counts and fails nothing, unless
 * it sets fault_page itself. */
#ifndef SANDGATE_TESTS_FAULT_SHIM_H
#define SANDGATE_TESTS_FAULT_SHIM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    FAULT_MEMORY = 1,    /* allocations come back empty */
    FAULT_SYSTEM = 2,    /* system calls fail for good */
    FAULT_INTERRUPT = 4, /* those that may wait are interrupted by a signal */
    FAULT_SHORT = 8,     /* reads and writes move one byte */
};

/* tests/fault/page.py knows this layout. */
struct fault_page {
    _Atomic uint64_t kinds, fail_at, run;
    _Atomic uint64_t count, fired; /* calls of these kinds; those that failed */
    _Atomic uint64_t site;         /* where the first of them was made, from the program's start */
    char name[32];                 /* which it was */
};

extern struct fault_page *fault_page;

#endif
