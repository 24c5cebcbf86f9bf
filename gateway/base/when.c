#include "base/when.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

struct reader {
    const char *p, *end;
    bool failed;
};

/* Exactly `digits` of them. */
static int64_t take_number(struct reader *r, size_t digits)
{
    int64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (r->p == r->end || !isdigit((unsigned char)*r->p)) {
            r->failed = true;
            return 0;
        }
        value = value * 10 + (*r->p++ - '0');
    }
    return value;
}

static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static void demand(struct reader *r, char c)
{
    r->failed |= !take(r, c);
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar; the year begins in March. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static int64_t take_date(struct reader *r)
{
    int64_t year = take_number(r, 4);
    demand(r, '-');
    int64_t month = take_number(r, 2);
    demand(r, '-');
    int64_t day = take_number(r, 2);
    r->failed |= month < 1 || month > 12;
    if (r->failed || day < 1 || day > days_in(year, month)) {
        r->failed = true;
        return 0;
    }
    return days_of(year, month, day) * 86400000;
}

/* Of a second; digits beyond the third are read and left. */
static int64_t take_fraction(struct reader *r)
{
    int64_t ms = 0, weight = 100;
    r->failed |= r->p == r->end || !isdigit((unsigned char)*r->p);
    for (; r->p < r->end && isdigit((unsigned char)*r->p); r->p++) {
        ms += weight * (*r->p - '0');
        weight /= 10;
    }
    return ms;
}

static int64_t take_clock(struct reader *r)
{
    int64_t seconds = 0, hours = take_number(r, 2);
    demand(r, ':');
    int64_t minutes = take_number(r, 2), ms = 0;
    if (take(r, ':')) {
        seconds = take_number(r, 2);
        ms = take(r, '.') ? take_fraction(r) : 0;
    }
    r->failed |= hours > 23 || minutes > 59 || seconds > 60;
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
}

static int64_t take_zone(struct reader *r)
{
    if (r->p == r->end || take(r, 'Z') || take(r, 'z'))
        return 0;
    bool west = take(r, '-');
    if (!west)
        demand(r, '+');
    int64_t hours = take_number(r, 2);
    (void)take(r, ':');
    int64_t minutes = take_number(r, 2), ms = (hours * 60 + minutes) * 60000;
    r->failed |= hours > 23 || minutes > 59;
    return west ? ms : -ms;
}

int when_parse(const char *text, size_t n, int64_t *ret_ms)
{
    struct reader r = {text, text + n, false};
    if (parse_i64(text, n, ret_ms) == 0)
        return 0;
    int64_t ms = take_date(&r);
    if (r.p < r.end) {
        if (!take(&r, 'T') && !take(&r, 't'))
            demand(&r, ' ');
        ms += take_clock(&r);
        ms += take_zone(&r);
    }
    if (r.failed || r.p != r.end)
        return -1;
    *ret_ms = ms;
    return 0;
}
