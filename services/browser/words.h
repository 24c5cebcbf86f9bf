/* browser/words.h: a line of arguments taken apart as a shell would, with no shell.
 *
 * Blanks separate; 'single' and "double" quotes and a backslash keep them. Nothing is expanded: $,
 * `, * and ~ are ordinary characters. */
#ifndef SANDGATE_BROWSER_WORDS_H
#define SANDGATE_BROWSER_WORDS_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

struct words {
    const char **items;
    size_t n;
};

/* `arena` owns the words. `name` is told in errors: a quote that is never closed, a backslash at
 * the end. */
int words_split(struct arena *arena, const char *name, const char *line, struct words *ret_words,
                struct err *err) MUST_CHECK;

#endif
