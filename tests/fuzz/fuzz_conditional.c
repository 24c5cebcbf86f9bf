/* Conditional, range and coding headers. Input: seven lines: If-Match, If-None-Match,
 * If-Modified-Since, If-Unmodified-Since, If-Range, Range, Accept-Encoding; "-" stands for none. */
#include "fuzz.h"

#include <time.h>

#include "base/when.h"
#include "http/conditional.h"
#include "http/negotiate.h"

static const char *header(struct arena *arena, const uint8_t **data, size_t *size)
{
    struct text line = take_until(arena, data, size, '\n');
    return strcmp(line.p, "-") == 0 ? NULL : line.p;
}

static void check_date(const char *text)
{
    char back[HTTP_DATE_SIZE];
    time_t when, again;
    if (!text || !http_date_parse(text, &when))
        return;
    http_date_format(back, when);
    if (strlen(back) == 29)
        HOLDS(http_date_parse(back, &again) && again == when);
}

/* The other way in which a point in time is written to us, in a query. */
static void check_when(const char *text)
{
    char back[64];
    int64_t ms, again;
    struct tm tm;
    if (!text || when_parse(text, strlen(text), &ms) < 0)
        return;
    time_t seconds = (time_t)(ms / 1000);
    if (ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
        return;
    (void)snprintf(back, sizeof back, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
    HOLDS(when_parse(back, strlen(back), &again) == 0 && again == ms);
}

static void check_range(const char *text, uint64_t size)
{
    uint64_t offset = 0, length = 0;
    enum range_answer r = range_parse(text, size, &offset, &length);
    if (r == RANGE_PART)
        HOLDS(length > 0 && offset < size && length <= size - offset);
    HOLDS(r == RANGE_NONE || text);
}

static void check_selection(const struct conditions *asked, const char *method, uint64_t size)
{
    const struct representation what = {"\"tag\"", 784111777, 784111999, size};
    struct selection s = conditional_select(&what, asked, method);
    switch (s.status) {
    case 200:
        HOLDS(s.offset == 0 && s.length == size);
        break;
    case 206:
        HOLDS(asked->range && strcmp(method, "GET") == 0);
        HOLDS(s.length > 0 && s.offset < size && s.length <= size - s.offset);
        break;
    case 304:
        HOLDS(asked->if_none_match || asked->if_modified_since);
        HOLDS(strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
        break;
    case 412:
        HOLDS(asked->if_match || asked->if_none_match || asked->if_unmodified_since);
        break;
    default:
        HOLDS(s.status == 416 && asked->range);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT"};
    static const uint64_t sizes[] = {0, 1, 1000, UINT64_MAX};
    struct arena *arena = arena_new();
    if (!arena)
        abort();
    struct conditions asked = {.if_match = header(arena, &data, &size)};
    asked.if_none_match = header(arena, &data, &size);
    asked.if_modified_since = header(arena, &data, &size);
    asked.if_unmodified_since = header(arena, &data, &size);
    asked.if_range = header(arena, &data, &size);
    asked.range = header(arena, &data, &size);
    const char *codings = header(arena, &data, &size);
    check_date(asked.if_modified_since);
    check_date(asked.if_range);
    check_when(asked.if_modified_since);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        check_range(asked.range, sizes[i]);
        for (size_t j = 0; j < COUNT_OF(methods); j++)
            check_selection(&asked, methods[j], sizes[i]);
    }
    int quality = coding_quality(codings, "br");
    HOLDS(quality >= 0 && quality <= 1000);
    HOLDS(coding_quality(NULL, "br") == 0 && coding_quality(codings, "identity") >= 0);
    arena_free(arena);
    return 0;
}
