#include "words.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word from *at on into `word`; leaves *at behind it. */
static int take_word(const char *name, const char **at, struct bytes *word, struct err *err)
{
    char quote = '\0';
    const char *p = *at;
    for (; *p && (quote || !is_blank(*p)); p++) {
        if (*p == quote) {
            quote = '\0';
        } else if (!quote && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else if (*p == '\\' && quote != '\'') {
            /* Within double quotes a backslash is special only before these (POSIX 2.2.3). */
            if (!p[1])
                return err_field(err, name, "%s: ends in a backslash", name);
            if (!quote || strchr("\"\\$`", p[1]))
                p++;
            (void)bytes_addc(word, *p);
        } else {
            (void)bytes_addc(word, *p);
        }
    }
    if (quote)
        return err_field(err, name, "%s: a %c is never closed", name, quote);
    *at = p;
    return 0;
}

int words_split(struct arena *arena, const char *name, const char *line, struct words *ret_words,
                struct err *err)
{
    size_t n = 0, room = strlen(line) / 2 + 1; /* a word and its blank take two characters */
    const char **items = arena_alloc(arena, room * sizeof *items);
    cleanup_bytes struct bytes word = BYTES_INIT(strlen(line) + 1);
    if (!items)
        return err_memory(err);
    for (const char *at = line;;) {
        while (is_blank(*at))
            at++;
        if (!*at)
            break;
        bytes_clear(&word);
        if (take_word(name, &at, &word, err) < 0)
            return -1;
        items[n] = word.failed ? NULL : arena_copy(arena, word.len ? word.data : "", word.len);
        if (!items[n++])
            return err_memory(err);
    }
    *ret_words = (struct words){.items = items, .n = n};
    return 0;
}
