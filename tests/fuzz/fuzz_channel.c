/* A shell's reports: whoever runs in the session can write to the same pipe. Input: reports, each
 * ended by a NUL, cut after as many bytes as the first byte says. */
#include "fuzz.h"

#include <fcntl.h>

#include "core/shell_internal.h"

static unsigned reports;
static void take(struct shell *sh, const struct report *report)
{
    /* A word ends where it ends, however it is read later. */
    HOLDS(strlen(report->sequence) + strlen(report->token) + strlen(report->dir) < 16 * KIB);
    HOLDS(!strchr(report->sequence, ' ') && !strchr(report->token, ' '));
    channel_leave(sh, report->sequence, report->status == 0);
    reports++;
}
#define run_on_report take

#include "core/shell_channel.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct shell sh;
    int events[2], ack[2];
    if (size == 0)
        return 0;
    size_t cut = data[0];
    data++;
    size--;
    if (pipe2(events, O_NONBLOCK | O_CLOEXEC) < 0 || pipe2(ack, O_NONBLOCK | O_CLOEXEC) < 0)
        abort();
    sh = (struct shell){.pid = 77, .channel = {.events = events[0], .ack = ack[1]}};
    sh.channel.buffer = bytes_with_limit(EVENT_CEILING);
    while (size) {
        size_t n = cut && cut < size ? cut : size;
        if (write(events[1], data, n) != (ssize_t)n)
            abort();
        on_events(&sh, 0);
        HOLDS(sh.channel.buffer.len <= EVENT_CEILING && !sh.channel.buffer.failed);
        data += n;
        size -= n;
    }
    bytes_done(&sh.channel.buffer);
    for (int i = 0; i < 2; i++) {
        (void)close(events[i]);
        (void)close(ack[i]);
    }
    return 0;
}
