/* latency PORT PATH BODY EXPECT COUNT [BODY2]: POSTs BODY COUNT times, one after the other on one
 * keep-alive connection, and prints "P50 P90 P99" in milliseconds. Every answer must hold EXPECT. A
 * tenth of COUNT runs first, unmeasured. With BODY2 the two take turns, where repeating one would
 * change nothing. */
#include "clock.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

static struct wire wire;

int main(int argc, char **argv)
{
    size_t count, i;
    int64_t *timings;
    char *requests[2];

    if (argc != 6 && argc != 7)
        die("usage: latency PORT PATH BODY EXPECT COUNT [BODY2]");
    count = number_arg(argv[5], 10000000, "COUNT");
    requests[0] = http_request(argv[2], argv[3]);
    requests[1] = http_request(argv[2], argv[argc == 7 ? 6 : 3]);
    timings = calloc(count, sizeof(*timings));
    if (timings == NULL)
        die("out of memory");
    wire_open(&wire, number_arg(argv[1], 65535, "PORT"));
    for (i = 0; i < count / 10 + 1; i++)
        http_ask(&wire, requests[i % 2], argv[4]);
    for (i = 0; i < count; i++) {
        int64_t from = now_ns();

        http_ask(&wire, requests[i % 2], argv[4]);
        timings[i] = now_ns() - from;
    }
    printf("%.3f %.3f %.3f\n", (double)quantile(timings, count, 0.5) / 1e6,
           (double)quantile(timings, count, 0.9) / 1e6,
           (double)quantile(timings, count, 0.99) / 1e6);
    free(timings);
    free(requests[0]);
    free(requests[1]);
    wire_close(&wire);
    return 0;
}
