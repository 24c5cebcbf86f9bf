/* frames PORT PATH SECONDS PID…: watches pages/animation.html, which the caller has shown, through
 * a viewer (rfb.h) for SECONDS and prints "FRAMES UPDATES BYTES PIXELS TIME" and for each PID "CPU
 * RSS". FRAMES are the page's own frames that arrived, told by the number each bears; CPU is what
 * the process and its descendants used meanwhile in seconds, RSS what it holds in KiB with the
 * viewer there. A PID written =PID counts without descendants.
 * The page animates from a click on its left half to one on its right half, so that of several
 * desktops only the one measured moves. */
#include "bars.h"
#include "clock.h"
#include "proc.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIDS_MOST = 32, LEFT_BUTTON = 1 };

#define SECOND        1000000000LL
#define SHOWN_WITHIN  (30 * SECOND)
#define MOVING_WITHIN (10 * SECOND)
#define WARM_UP       (SECOND * 3 / 2)
#define STILL         (SECOND / 2) /* without a frame: the page has stopped */

struct watch {
    struct rfb rfb;
    struct area bars;
    int number; /* of the last whole frame, -1 before the first */
    uint64_t frames;
};

struct counts {
    int64_t at;
    uint64_t frames, updates, bytes, pixels;
    int64_t cpu[PIDS_MOST];
};

static int64_t cpu_of(const char *pid)
{
    return *pid == '=' ? usage_of(pid + 1).own_ns : usage_of(pid).tree_ns;
}

static void take_counts(const struct watch *watch, char **pids, size_t count, struct counts *ret)
{
    for (size_t i = 0; i < count; i++)
        ret->cpu[i] = cpu_of(pids[i]);
    ret->at = now_ns();
    ret->frames = watch->frames;
    ret->updates = watch->rfb.updates;
    ret->bytes = watch->rfb.bytes;
    ret->pixels = watch->rfb.area;
}

static void await_page(struct watch *watch)
{
    int64_t deadline = now_ns() + SHOWN_WITHIN;

    do
        if (!rfb_update(&watch->rfb, deadline))
            die("the animated page is not on the screen");
    while (!bars_find(&watch->rfb, &watch->bars));
    rfb_watch(&watch->rfb, watch->bars);
    watch->number = bars_read(&watch->rfb, watch->bars);
}

static void click(struct rfb *rfb, int x, int y)
{
    rfb_pointer(rfb, x, y, 0);
    rfb_pointer(rfb, x, y, LEFT_BUTTON);
    rfb_pointer(rfb, x, y, 0);
}

/* Handles updates until one brings a new frame of the page. */
static bool next_frame(struct watch *watch, int64_t deadline)
{
    while (rfb_update(&watch->rfb, deadline)) {
        int number = bars_read(&watch->rfb, watch->bars);

        if (number < 0 || number == watch->number)
            continue;
        watch->number = number;
        watch->frames++;
        return true;
    }
    return false;
}

static void watch_until(struct watch *watch, int64_t end)
{
    while (next_frame(watch, end))
        ;
}

/* Starts the page and lets server, client and their buffers come into step. */
static void start_page(struct watch *watch)
{
    int64_t deadline = now_ns() + MOVING_WITHIN;

    click(&watch->rfb, watch->rfb.width / 4, watch->rfb.height / 2);
    if (!next_frame(watch, deadline))
        die("the page does not move after a click");
    watch_until(watch, now_ns() + WARM_UP);
}

static void stop_page(struct watch *watch)
{
    int64_t deadline = now_ns() + MOVING_WITHIN;

    click(&watch->rfb, watch->rfb.width * 3 / 4, watch->rfb.height / 2);
    while (next_frame(watch, now_ns() + STILL))
        if (now_ns() > deadline)
            die("the page does not stop after a click");
}

static void print_counts(const struct counts *from, const struct counts *to, char **pids,
                         size_t count)
{
    printf("%ju %ju %ju %ju %.4f", (uintmax_t)(to->frames - from->frames),
           (uintmax_t)(to->updates - from->updates), (uintmax_t)(to->bytes - from->bytes),
           (uintmax_t)(to->pixels - from->pixels), (double)(to->at - from->at) / 1e9);
    for (size_t i = 0; i < count; i++)
        printf(" %.4f %ld", (double)(to->cpu[i] - from->cpu[i]) / 1e9,
               memory_kib(pids[i] + (*pids[i] == '='), "Rss:"));
    printf("\n");
}

int main(int argc, char **argv)
{
    static struct watch watch;
    struct counts from, to;
    size_t count = argc > 4 ? (size_t)(argc - 4) : 0;
    int64_t length;

    if (argc < 4 || count > PIDS_MOST)
        die("usage: frames PORT PATH SECONDS PID… (at most %d)", PIDS_MOST);
    length = (int64_t)number_arg(argv[3], 3600, "SECONDS") * SECOND;
    rfb_open(&watch.rfb, number_arg(argv[1], 65535, "PORT"), argv[2]);
    await_page(&watch);
    start_page(&watch);
    take_counts(&watch, argv + 4, count, &from);
    watch_until(&watch, from.at + length);
    take_counts(&watch, argv + 4, count, &to);
    print_counts(&from, &to, argv + 4, count);
    stop_page(&watch);
    rfb_close(&watch.rfb);
    return 0;
}
