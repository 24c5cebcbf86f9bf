#include "http/conditional.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "http/exchange.h"

/* ---- dates ---- */

void http_date_format(char *to, time_t when)
{
    struct tm utc;
    if (!gmtime_r(&when, &utc))
        memset(&utc, 0, sizeof utc);
    if (strftime(to, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0)
        to[0] = '\0';
}

bool http_date_parse(const char *text, time_t *ret_when)
{
    /* IMF-fixdate, and the two a recipient must still understand: RFC 850 and asctime. */
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm utc = {0};
        const char *end = strptime(text, forms[i], &utc);
        if (!end || *end)
            continue;
        *ret_when = timegm(&utc);
        return true;
    }
    return false;
}

/* ---- entity tags ---- */

void etag_format(char *to, uint64_t size, struct timespec modified, const char *coding)
{
    (void)snprintf(to, ETAG_SIZE, "\"%llx-%llx.%lx%s%.8s\"", (unsigned long long)size,
                   (unsigned long long)modified.tv_sec, (unsigned long)modified.tv_nsec,
                   coding ? "-" : "", coding ? coding : "");
}

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

/* The end of the entity-tag at `p`, or NULL when there is none. */
static const char *etag_end(const char *p)
{
    if (strncmp(p, "W/", 2) == 0)
        p += 2;
    if (*p != '"')
        return NULL;
    const char *quote = strchr(p + 1, '"');
    return quote ? quote + 1 : NULL;
}

static bool etag_equal(const char *a, size_t an, const char *b, size_t bn, bool weak)
{
    bool a_weak = strncmp(a, "W/", 2) == 0, b_weak = strncmp(b, "W/", 2) == 0;
    if (!weak && (a_weak || b_weak))
        return false;
    a += a_weak ? 2 : 0;
    an -= a_weak ? 2 : 0;
    b += b_weak ? 2 : 0;
    bn -= b_weak ? 2 : 0;
    return an == bn && memcmp(a, b, an) == 0;
}

bool etag_listed(const char *list, const char *etag, bool weak)
{
    const char *p = skip_space(list);
    if (*p == '*' && *skip_space(p + 1) == '\0')
        return true;
    while (etag && *p) {
        const char *end = etag_end(p);
        if (!end)
            return false;
        if (etag_equal(p, (size_t)(end - p), etag, strlen(etag), weak))
            return true;
        p = skip_space(end);
        if (*p && *p != ',')
            return false;
        p += strspn(p, ", \t");
    }
    return false;
}

/* ---- ranges ---- */

enum range_answer range_parse(const char *header, uint64_t size, uint64_t *ret_offset,
                              uint64_t *ret_length)
{
    uint64_t first, last;
    if (!header || strncasecmp(header, "bytes=", 6) != 0)
        return RANGE_NONE;
    const char *p = skip_space(header + 6);
    const char *dash = strchr(p, '-');
    if (!dash)
        return RANGE_NONE;
    size_t before = (size_t)(dash - p), after = strcspn(dash + 1, " \t");
    if (*skip_space(dash + 1 + after) || (before == 0 && after == 0))
        return RANGE_NONE;
    if (after && parse_u64(dash + 1, after, &last) < 0)
        return RANGE_NONE;
    if (before == 0) { /* the last so many */
        uint64_t n = last < size ? last : size;
        if (n == 0)
            return RANGE_UNSATISFIABLE;
        *ret_offset = size - n;
        *ret_length = n;
        return RANGE_PART;
    }
    if (parse_u64(p, before, &first) < 0 || (after && last < first))
        return RANGE_NONE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    uint64_t end = after && last < size ? last : size - 1;
    *ret_offset = first;
    *ret_length = end - first + 1;
    return RANGE_PART;
}

/* ---- the decision, in the order of RFC 9110 section 13.2.2 ---- */

static bool precondition_failed(const struct representation *what, const struct conditions *asked)
{
    time_t since;
    if (asked->if_match)
        return !etag_listed(asked->if_match, what->etag, false);
    return asked->if_unmodified_since && http_date_parse(asked->if_unmodified_since, &since) &&
           what->modified > since;
}

static bool unchanged(const struct representation *what, const struct conditions *asked)
{
    time_t since;
    if (asked->if_none_match)
        return etag_listed(asked->if_none_match, what->etag, true);
    return asked->if_modified_since && http_date_parse(asked->if_modified_since, &since) &&
           what->modified <= since;
}

/* The part the client holds is of this very representation. */
static bool range_applies(const struct representation *what, const char *if_range)
{
    time_t then;
    if (!if_range)
        return true;
    if (etag_end(if_range))
        return what->etag &&
               etag_equal(if_range, strlen(if_range), what->etag, strlen(what->etag), false);
    return http_date_parse(if_range, &then) && then == what->modified && what->modified < what->now;
}

struct selection conditional_select(const struct representation *what,
                                    const struct conditions *asked, const char *method)
{
    struct selection whole = {200, 0, what->size};
    bool get = strcmp(method, "GET") == 0, head = strcmp(method, "HEAD") == 0;
    if (precondition_failed(what, asked))
        return (struct selection){412, 0, 0};
    if (unchanged(what, asked) && (get || head))
        return (struct selection){304, 0, 0};
    if (asked->if_none_match && unchanged(what, asked))
        return (struct selection){412, 0, 0};
    if (!get || !asked->range || !range_applies(what, asked->if_range))
        return whole;
    struct selection part = {206, 0, 0};
    switch (range_parse(asked->range, what->size, &part.offset, &part.length)) {
    case RANGE_PART:
        return part;
    case RANGE_UNSATISFIABLE:
        return (struct selection){416, 0, 0};
    case RANGE_NONE:
        break;
    }
    return whole;
}

struct selection conditional_of(const struct exchange *ex, const char *etag, const struct stat *st)
{
    struct representation what = {etag, st->st_mtim.tv_sec, time(NULL), (uint64_t)st->st_size};
    struct conditions asked = {
        .if_match = exchange_header(ex, "If-Match"),
        .if_none_match = exchange_header(ex, "If-None-Match"),
        .if_modified_since = exchange_header(ex, "If-Modified-Since"),
        .if_unmodified_since = exchange_header(ex, "If-Unmodified-Since"),
        .if_range = exchange_header(ex, "If-Range"),
        .range = exchange_header(ex, "Range"),
    };
    return conditional_select(&what, &asked, exchange_method(ex));
}
