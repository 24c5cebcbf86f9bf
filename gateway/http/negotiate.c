#include "http/negotiate.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define FULL 1000

/* "0.5" → 500; a malformed weight counts as none given. */
static int parse_quality(const char *p, size_t n)
{
    if (n == 0 || (p[0] != '0' && p[0] != '1') || (n > 1 && p[1] != '.') || n > 5)
        return FULL;
    int value = (p[0] - '0') * FULL, unit = FULL / 10;
    for (size_t i = 2; i < n; i++, unit /= 10) {
        if (p[i] < '0' || p[i] > '9')
            return FULL;
        value += (p[i] - '0') * unit;
    }
    return value > FULL ? FULL : value;
}

/* The weight among the parameters of one element, which end at `end`. */
static int element_quality(const char *p, const char *end)
{
    while (p < end) {
        p += strspn(p, "; \t");
        size_t n = strcspn(p, ";, \t");
        if (p + n <= end && n > 2 && strncasecmp(p, "q=", 2) == 0)
            return parse_quality(p + 2, n - 2);
        p += n ? n : 1;
    }
    return FULL;
}

int coding_quality(const char *header, const char *coding)
{
    bool identity = strcmp(coding, "identity") == 0;
    int any = -1;
    for (const char *p = header ? header : ""; *p;) {
        p += strspn(p, ", \t");
        size_t name = strcspn(p, ";, \t"), n = strcspn(p, ",");
        if (name == strlen(coding) && strncasecmp(p, coding, name) == 0)
            return element_quality(p + name, p + n);
        if (name == 1 && *p == '*')
            any = element_quality(p + name, p + n);
        p += n;
    }
    if (identity && any != 0)
        return 1;
    return any > 0 ? any : 0;
}
