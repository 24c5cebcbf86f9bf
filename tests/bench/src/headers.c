/* headers PORT PATH FILE COUNT: COUNT GETs of PATH on one keep-alive connection, BATCH at a time,
 * so that the server's own work is most of what each costs it; each carries the next line of FILE
 * as a further header, beginning anew at its end. Every answer must be 200. */
#include "clock.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MOST = 100000, COUNT_MOST = 10000000, BATCH = 16, REQUEST_MOST = 4096 };

static struct wire wire;
static char *lines[LINES_MOST];

static size_t read_lines(const char *name)
{
    FILE *file = fopen(name, "r");
    size_t n = 0, room = 0;
    ssize_t length;

    if (file == NULL)
        die("cannot read %s", name);
    while (n < LINES_MOST && (length = getline(&lines[n], &room, file)) > 0) {
        lines[n][length - 1] = '\0';
        n++;
        room = 0;
    }
    (void)fclose(file);
    if (n == 0)
        die("%s is empty", name);
    return n;
}

static size_t write_request(char *to, const char *path, const char *line)
{
    int n =
        snprintf(to, REQUEST_MOST, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", path, line);

    if (n < 0 || n >= REQUEST_MOST)
        die("a header is too long");
    return (size_t)n;
}

int main(int argc, char **argv)
{
    static char batch[BATCH * REQUEST_MOST];
    size_t count, known, done = 0;

    if (argc != 5)
        die("usage: headers PORT PATH FILE COUNT");
    count = number_arg(argv[4], COUNT_MOST, "COUNT");
    known = read_lines(argv[3]);
    wire_open(&wire, number_arg(argv[1], 65535, "PORT"));
    while (done < count) {
        size_t n = 0, size = 0;

        for (; n < BATCH && done + n < count; n++)
            size += write_request(batch + size, argv[2], lines[(done + n) % known]);
        wire_send(&wire, batch, size);
        for (size_t i = 0; i < n; i++) {
            struct reply reply = wire_head(&wire);

            if (reply.status != 200)
                die("status %d", reply.status);
            wire_drop(&wire, reply.length);
        }
        done += n;
    }
    wire_close(&wire);
    return 0;
}
