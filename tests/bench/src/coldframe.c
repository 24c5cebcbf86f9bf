/* coldframe PORT PATH: milliseconds from connecting until a viewer (rfb.h) has pixels for the whole
 * screen. */
#include "clock.h"
#include "rfb.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    static struct rfb rfb;
    int64_t from = now_ns();

    if (argc != 3)
        die("usage: coldframe PORT PATH");
    rfb_open(&rfb, number_arg(argv[1], 65535, "PORT"), argv[2]);
    while (rfb.area < (uint64_t)rfb.width * (uint64_t)rfb.height)
        if (!rfb_update(&rfb, from + 60000000000LL))
            die("no whole screen within a minute");
    printf("%.1f\n", (double)(now_ns() - from) / 1e6);
    rfb_close(&rfb);
    return 0;
}
