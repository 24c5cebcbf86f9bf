/* Path globs, segment by segment: each segment is fnmatch(3)'s business, ** and braces are ours. */
#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "core/search_glob.h"

/* Each brace group and each ** may try again: so many tries, then the answer is no. */
#define MAX_STEPS 20000

struct matching {
    bool hidden;
    unsigned steps;
};

static bool segment_matches(struct matching *m, const char *pattern, size_t pattern_n,
                            const char *name, size_t name_n)
{
    char p[NAME_MAX + 1], n[NAME_MAX + 1];
    if (pattern_n > NAME_MAX || name_n > NAME_MAX)
        return false;
    memcpy(p, pattern, pattern_n);
    p[pattern_n] = '\0';
    memcpy(n, name, name_n);
    n[name_n] = '\0';
    return fnmatch(p, n, m->hidden ? 0 : FNM_PERIOD) == 0;
}

static bool segments_match(struct matching *m, const char *pattern, const char *path)
{
    size_t p = strcspn(pattern, "/"), n = strcspn(path, "/");
    if (++m->steps > MAX_STEPS)
        return false;
    if (!*pattern)
        return !*path;
    if (p == 2 && memcmp(pattern, "**", 2) == 0) {
        const char *rest = pattern + 2 + (pattern[2] == '/');
        if (segments_match(m, rest, path))
            return true;
        return *path && (m->hidden || *path != '.') &&
               segments_match(m, pattern, path + n + (path[n] == '/'));
    }
    if (!*path || !segment_matches(m, pattern, p, path, n))
        return false;
    return segments_match(m, pattern + p + (pattern[p] == '/'), path + n + (path[n] == '/'));
}

/* The first { … } of `pattern` at depth 0, or false. */
static bool find_braces(const char *pattern, const char **ret_open, const char **ret_close)
{
    const char *open = strchr(pattern, '{');
    int depth = 0;
    for (const char *at = open; at && *at; at++) {
        depth += (*at == '{') - (*at == '}');
        if (depth == 0) {
            *ret_open = open;
            *ret_close = at;
            return true;
        }
    }
    return false;
}

static bool alternatives_match(struct matching *m, const char *pattern, const char *path)
{
    const char *open, *close;
    if (++m->steps > MAX_STEPS)
        return false;
    if (!find_braces(pattern, &open, &close))
        return segments_match(m, pattern, path);
    for (const char *from = open + 1, *at = from; at <= close; at++) {
        int depth = 0;
        for (; at < close && (depth || *at != ','); at++)
            depth += (*at == '{') - (*at == '}');
        char whole[PATH_MAX];
        int n = snprintf(whole, sizeof whole, "%.*s%.*s%s", (int)(open - pattern), pattern,
                         (int)(at - from), from, close + 1);
        if (n > 0 && (size_t)n < sizeof whole && alternatives_match(m, whole, path))
            return true;
        from = at + 1;
    }
    return false;
}

bool glob_matches(const char *pattern, const char *path, bool hidden)
{
    struct matching m = {.hidden = hidden};
    return alternatives_match(&m, pattern, path);
}
