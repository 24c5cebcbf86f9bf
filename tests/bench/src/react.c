/* react PORT PATH COUNT: how long after an input event a viewer (rfb.h) has the pixels it caused.
 * COUNT times a key press and COUNT times a button press, in turn, each followed by its release,
 * are sent to the window of src/flash.c, which the caller has shown in the middle of the screen,
 * and timed until the update that shows it inverted is decoded. Prints "P50 P90" of the keys and
 * "P50 P90" of the buttons in milliseconds. Between two events lies a pause of varying length, so
 * that no timer of the server is met in step. */
#include "clock.h"
#include "rfb.h"

#include <stdio.h>
#include <stdlib.h>

enum { COUNT_MOST = 10000, LEFT_BUTTON = 1, KEYSYM = 'a', NEAR = 40 };

#define MS 1000000LL

static const uint32_t colors[2] = {0x10c040, 0xef3fbf};

/* Which of its two colours the window has; -1: it is not there. */
static int shown(const struct rfb *rfb)
{
    uint32_t pixel = rfb_pixel(rfb, rfb->width / 2, rfb->height / 2);

    for (int which = 0; which < 2; which++) {
        bool near = true;

        for (int shift = 0; shift < 24; shift += 8)
            near &= abs((int)(pixel >> shift & 0xff) - (int)(colors[which] >> shift & 0xff)) < NEAR;
        if (near)
            return which;
    }
    return -1;
}

static void press(struct rfb *rfb, bool key, bool down)
{
    if (key)
        rfb_key(rfb, KEYSYM, down);
    else
        rfb_pointer(rfb, rfb->width / 2, rfb->height / 2, down ? LEFT_BUTTON : 0);
}

static int64_t react(struct rfb *rfb, bool key)
{
    int before = shown(rfb);
    int64_t from = now_ns(), taken;

    press(rfb, key, true);
    while (shown(rfb) == before)
        if (!rfb_update(rfb, from + 5000 * MS))
            die("no change on the screen 5 s after a %s press", key ? "key" : "button");
    taken = now_ns() - from;
    press(rfb, key, false);
    return taken;
}

static void pause_between(struct rfb *rfb)
{
    int64_t end = now_ns() + (20 + rand() % 40) * MS;

    while (rfb_update(rfb, end))
        ;
}

static double ms(int64_t *timings, size_t count, double share)
{
    return (double)quantile(timings, count, share) / 1e6;
}

int main(int argc, char **argv)
{
    static struct rfb rfb;
    static int64_t timings[2][COUNT_MOST];
    size_t count;
    int64_t deadline;

    if (argc != 4)
        die("usage: react PORT PATH COUNT");
    count = number_arg(argv[3], COUNT_MOST, "COUNT");
    rfb_open(&rfb, number_arg(argv[1], 65535, "PORT"), argv[2]);
    rfb_pointer(&rfb, rfb.width / 2, rfb.height / 2, 0);
    deadline = now_ns() + 10000 * MS;
    do
        if (!rfb_update(&rfb, deadline))
            die("the window that flashes is not on the screen");
    while (shown(&rfb) < 0);
    for (int i = 0; i < 20; i++) { /* warm-up */
        react(&rfb, i % 2);
        pause_between(&rfb);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        timings[i % 2][i / 2] = react(&rfb, i % 2 == 0);
        pause_between(&rfb);
    }
    printf("%.3f %.3f %.3f %.3f\n", ms(timings[0], count, 0.5), ms(timings[0], count, 0.9),
           ms(timings[1], count, 0.5), ms(timings[1], count, 0.9));
    rfb_close(&rfb);
    return 0;
}
