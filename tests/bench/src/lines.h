/* lines.h: follows terminal output far enough to prove that nothing is missing from it: counts the
 * lines 1, 2, 3 … that arrive in order, and notices a line that is exactly the awaited mark. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_KEPT = 16 };

struct lines {
    const char *mark; /* at most LINE_KEPT characters */
    bool seen;        /* the mark has come */
    size_t counted;   /* lines 1 … counted came, in order */
    bool returned;    /* the last character was a carriage return */
    size_t value;     /* of the current line, if it is all digits */
    bool digits;
    size_t length;        /* of the current line */
    char text[LINE_KEPT]; /* its beginning */
};

void lines_await(struct lines *lines, const char *mark);
void lines_feed(struct lines *lines, char c);

#endif
