/* shots PORT PATH COUNT WIDTH HEIGHT: GETs a screenshot COUNT times, one after the other on one
 * keep-alive connection, and prints "P50 P90 BYTES": milliseconds to the whole answer and the mean
 * size. Each must be a whole PNG or JPEG of WIDTH × HEIGHT. Three run first, unmeasured. */
#include "clock.h"
#include "wire.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MOST = 10000, IMAGE_MOST = 64 << 20, WARM_UP = 3 };

static struct wire wire;
static uint8_t *image;

/* Reads the body into `image`. */
static size_t fetch(const char *request)
{
    struct reply reply;
    size_t have = 0;

    wire_send(&wire, request, strlen(request));
    reply = wire_head(&wire);
    if (reply.status != 200)
        die("status %d", reply.status);
    if (reply.length < 64 || reply.length > IMAGE_MOST)
        die("an image of %zu bytes", reply.length);
    while (have < reply.length) {
        size_t part = wire.end - wire.start;

        if (part == 0) {
            wire_fill(&wire);
            continue;
        }
        part = part < reply.length - have ? part : reply.length - have;
        memcpy(image + have, wire.buffer + wire.start, part);
        wire.start += part;
        have += part;
    }
    return reply.length;
}

static size_t number_at(const uint8_t *at, size_t bytes)
{
    size_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void check_png(size_t length, size_t width, size_t height)
{
    if (memcmp(image + length - 8, "IEND", 4) != 0)
        die("a PNG without an end");
    if (number_at(image + 16, 4) != width || number_at(image + 20, 4) != height)
        die("a PNG of another size");
}

/* Walks the segments to the frame header, which tells the size. */
static void check_jpeg(size_t length, size_t width, size_t height)
{
    size_t at = 2;

    if (number_at(image + length - 2, 2) != 0xffd9)
        die("a JPEG without an end");
    while (at + 9 < length && image[at] == 0xff && image[at + 1] != 0xda) {
        if (image[at + 1] >= 0xc0 && image[at + 1] <= 0xc2) {
            if (number_at(image + at + 5, 2) != height || number_at(image + at + 7, 2) != width)
                die("a JPEG of another size");
            return;
        }
        at += 2 + number_at(image + at + 2, 2);
    }
    die("a JPEG without a frame header");
}

static void check(size_t length, size_t width, size_t height)
{
    if (memcmp(image, "\x89PNG\r\n\x1a\n", 8) == 0)
        check_png(length, width, height);
    else if (image[0] == 0xff && image[1] == 0xd8)
        check_jpeg(length, width, height);
    else
        die("neither PNG nor JPEG");
}

int main(int argc, char **argv)
{
    static int64_t timings[COUNT_MOST];
    size_t count, width, height, bytes = 0;
    char *request;

    if (argc != 6)
        die("usage: shots PORT PATH COUNT WIDTH HEIGHT");
    count = number_arg(argv[3], COUNT_MOST, "COUNT");
    width = number_arg(argv[4], 65535, "WIDTH");
    height = number_arg(argv[5], 65535, "HEIGHT");
    request = http_request(argv[2], NULL);
    image = malloc(IMAGE_MOST);
    if (image == NULL)
        die("out of memory");
    wire_open(&wire, number_arg(argv[1], 65535, "PORT"));
    for (size_t i = 0; i < WARM_UP; i++)
        check(fetch(request), width, height);
    for (size_t i = 0; i < count; i++) {
        int64_t from = now_ns();
        size_t length = fetch(request);

        timings[i] = now_ns() - from;
        check(length, width, height);
        bytes += length;
    }
    printf("%.3f %.3f %zu\n", (double)quantile(timings, count, 0.5) / 1e6,
           (double)quantile(timings, count, 0.9) / 1e6, bytes / count);
    free(request);
    free(image);
    wire_close(&wire);
    return 0;
}
