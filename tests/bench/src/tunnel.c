/* tunnel PORT PATH STREAMS ROUNDS SIZE: opens STREAMS WebSockets that lead to src/echo.c, and
 * ROUNDS times sends SIZE bytes on each and reads them back. Prints the round trips per second.
 * After the handshake the bytes are nobody's frames: a tunnel passes them on as they are. */
#include "clock.h"
#include "wire.h"
#include "ws.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STREAMS 256
#define MAX_SIZE    (1 << 16) /* what fits into the sockets on the way while nobody reads */

static void send_all(struct wire *wires, size_t streams, const char *bytes, size_t size)
{
    for (size_t i = 0; i < streams; i++)
        wire_send(&wires[i], bytes, size);
}

static void read_all(struct wire *wires, size_t streams, const char *bytes, size_t size)
{
    for (size_t i = 0; i < streams; i++) {
        wire_need(&wires[i], size);
        if (memcmp(wires[i].buffer + wires[i].start, bytes, size) != 0)
            die("other bytes came back than were sent");
        wires[i].start += size;
    }
}

int main(int argc, char **argv)
{
    static char bytes[MAX_SIZE];
    struct wire *wires;
    size_t streams, rounds, size;
    int64_t from;

    if (argc != 6)
        die("usage: tunnel PORT PATH STREAMS ROUNDS SIZE");
    streams = number_arg(argv[3], MAX_STREAMS, "STREAMS");
    rounds = number_arg(argv[4], 100000000, "ROUNDS");
    size = number_arg(argv[5], MAX_SIZE, "SIZE");
    wires = calloc(streams, sizeof(*wires));
    if (!wires)
        die("out of memory");
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 + i / 256);
    for (size_t i = 0; i < streams; i++)
        ws_open(&wires[i], number_arg(argv[1], 65535, "PORT"), argv[2], NULL);
    from = now_ns();
    for (size_t round = 0; round < rounds; round++) {
        send_all(wires, streams, bytes, size);
        read_all(wires, streams, bytes, size);
    }
    printf("%.0f\n", (double)(streams * rounds) * 1e9 / (double)(now_ns() - from));
    for (size_t i = 0; i < streams; i++)
        wire_close(&wires[i]);
    free(wires);
    return 0;
}
