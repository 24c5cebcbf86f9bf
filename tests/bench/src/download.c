/* download PORT PATH BYTES: GETs PATH, reads the body into nowhere, insists on exactly BYTES of it,
 * and prints the seconds from sending the request to its last byte. */
#include "clock.h"
#include "wire.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wire wire;

int main(int argc, char **argv)
{
    struct reply reply;
    size_t bytes;
    int64_t from;
    char *request;

    if (argc != 4)
        die("usage: download PORT PATH BYTES");
    bytes = number_arg(argv[3], SIZE_MAX, "BYTES");
    request = http_request(argv[2], NULL);
    wire_open(&wire, number_arg(argv[1], 65535, "PORT"));
    from = now_ns();
    wire_send(&wire, request, strlen(request));
    reply = wire_head(&wire);
    if (reply.status != 200 || reply.length != bytes)
        die("status %d with %zu bytes instead of %zu", reply.status, reply.length, bytes);
    wire_drop(&wire, reply.length);
    printf("%.4f\n", (double)(now_ns() - from) / 1e9);
    free(request);
    wire_close(&wire);
    return 0;
}
