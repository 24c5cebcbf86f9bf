/* check.h: the smallest unit-test frame. A test file is one program:
 *
 *     static void adds(void) { CHECK(1 + 1 == 2); CHECK_TEXT("a", "a"); }
 *     int main(void) { RUN(adds); return CHECK_DONE(); }
 *
 * Failures are printed with file and line and counted; the last line is `N passed, N failed`. */
#ifndef SANDGATE_TESTS_CHECK_H
#define SANDGATE_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_bad, check_passed, check_failed;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                 \
            check_bad++;                                                                           \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *a_ = (actual), *e_ = (expected);                                               \
        if (!a_ || strcmp(a_, e_) != 0) {                                                          \
            (void)printf("%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #actual,         \
                         a_ ? a_ : "(null)", e_);                                                  \
            check_bad++;                                                                           \
        }                                                                                          \
    } while (0)

#define RUN(test)                                                                                  \
    do {                                                                                           \
        check_bad = 0;                                                                             \
        test();                                                                                    \
        (void)printf("%s %s\n", check_bad ? "FAIL" : "ok  ", #test);                               \
        *(check_bad ? &check_failed : &check_passed) += 1;                                         \
    } while (0)

#define CHECK_DONE()                                                                               \
    ((void)printf("%d passed, %d failed\n", check_passed, check_failed), check_failed ? 1 : 0)

#endif
