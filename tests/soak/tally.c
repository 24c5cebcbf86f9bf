#include "tally.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

/* A bucket is an eighth of a power of two: within 9 % of the truth. */
#define BUCKETS 256
#define SHOWN   20

struct row {
    atomic_ullong good, bad, wedged, worst;
    atomic_ullong buckets[BUCKETS];
};

static struct row rows[KINDS];
static atomic_uint shown;

static const char *const names[KINDS] = {
    [KIND_REST] = "REST",
    [KIND_FILE] = "file write and read",
    [KIND_PROXY] = "proxied request",
    [KIND_TERMINAL] = "terminal echo",
    [KIND_SOCKET] = "proxied WebSocket echo",
    [KIND_EVENTS] = "exec as events",
    [KIND_QUIT] = "client that leaves",
    [KIND_BASH] = "bash exec",
    [KIND_SHELL] = "shell exec",
    [KIND_BASH_CYCLE] = "bash session cycle",
    [KIND_SHELL_CYCLE] = "shell session cycle",
    [KIND_NODE_CYCLE] = "node session cycle",
    [KIND_JUPYTER_CYCLE] = "jupyter session cycle",
};

uint64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned bucket_of(uint64_t us)
{
    if (us < 8)
        return (unsigned)us;
    unsigned power = 63 - (unsigned)__builtin_clzll(us);
    unsigned bucket = (power - 2) * 8 + (unsigned)(us >> (power - 3) & 7);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The upper end of a bucket. */
static uint64_t bucket_us(unsigned bucket)
{
    if (bucket < 8)
        return bucket;
    unsigned power = bucket / 8 + 2;
    return (8ULL + bucket % 8 + 1) << (power - 3);
}

void tally_good(enum kind kind, uint64_t since)
{
    struct row *row = &rows[kind];
    unsigned long long took = now_us() - since, worst = row->worst;
    row->good++;
    row->buckets[bucket_of(took)]++;
    while (took > worst && !atomic_compare_exchange_weak(&row->worst, &worst, took)) {
    }
}

void tally_bad(enum kind kind, bool wedged, const char *format, ...)
{
    char text[512];
    va_list args;
    rows[kind].bad++;
    rows[kind].wedged += wedged;
    if (shown++ >= SHOWN)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, "%s: %s: %s\n", wedged ? "WEDGED" : "ERROR", names[kind], text);
}

uint64_t tally_errors(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < KINDS; i++)
        n += rows[i].bad;
    return n;
}

uint64_t tally_wedges(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < KINDS; i++)
        n += rows[i].wedged;
    return n;
}

uint64_t tally_total(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < KINDS; i++)
        n += rows[i].good + rows[i].bad;
    return n;
}

void tally_clear(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct row *row = &rows[i];
        row->good = row->bad = row->wedged = row->worst = 0;
        for (size_t j = 0; j < BUCKETS; j++)
            row->buckets[j] = 0;
    }
}

static double share_ms(const struct row *row, double share)
{
    double wanted = (double)row->good * share;
    uint64_t seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        if ((double)(seen += row->buckets[i]) >= wanted)
            return (double)bucket_us(i) / 1000;
    return 0;
}

void tally_print(void)
{
    printf("%-24s %10s %9s %9s %9s %7s %7s\n", "", "requests", "p50 ms", "p99 ms", "worst ms",
           "errors", "wedged");
    for (size_t i = 0; i < KINDS; i++) {
        const struct row *row = &rows[i];
        if (row->good + row->bad)
            printf("%-24s %10llu %9.2f %9.2f %9.2f %7llu %7llu\n", names[i], row->good + row->bad,
                   share_ms(row, 0.5), share_ms(row, 0.99), (double)row->worst / 1000, row->bad,
                   row->wedged);
    }
}
