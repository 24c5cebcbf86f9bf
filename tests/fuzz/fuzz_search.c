/* Path globs, and the lines of ripgrep's report. Input: pattern, path, and the line. */
#include "fuzz.h"

#include <limits.h>

#include "core/search_event.h"
#include "core/search_glob.h"

static void check_event(const char *text, size_t n)
{
    struct bytes spare[2] = {BYTES_INIT(1 * MIB), BYTES_INIT(1 * MIB)};
    struct search_event e;
    char *line = malloc(n ? n : 1);
    if (!line)
        abort();
    memcpy(line, text, n);
    if (search_event_parse(line, n, spare, &e) == 0 &&
        (e.type == SEARCH_MATCH || e.type == SEARCH_CONTEXT)) {
        /* Every byte that is named is there to be read. */
        unsigned sum = 0;
        for (size_t i = 0; i < e.path.n; i++)
            sum += (unsigned char)e.path.p[i];
        for (size_t i = 0; i < e.lines.n; i++)
            sum += (unsigned char)e.lines.p[i];
        HOLDS(sum <= 255 * (e.path.n + e.lines.n));
    }
    bytes_done(&spare[0]);
    bytes_done(&spare[1]);
    free(line);
}

static void check_glob(const char *pattern, const char *path)
{
    bool hidden = glob_matches(pattern, path, true), plain = glob_matches(pattern, path, false);
    HOLDS(hidden || !plain);
    if (*path && strlen(path) <= NAME_MAX && !strpbrk(path, "*?[]{}\\,/!") && path[0] != '.')
        HOLDS(glob_matches(path, path, false));
    if (*path && path[0] != '/' && !strstr(path, "//") && path[strlen(path) - 1] != '/')
        HOLDS(glob_matches("**", path, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    if (!arena)
        abort();
    struct text pattern = take_until(arena, &data, &size, '\n');
    struct text path = take_until(arena, &data, &size, '\n');
    check_glob(pattern.p, path.p);
    check_event((const char *)data, size);
    arena_free(arena);
    return 0;
}
