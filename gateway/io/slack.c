#include "io/slack.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"

#define LOOK_MS 10000
/* What may lie idle before it is worth the system calls. */
#define TOLERATED INT64_C(262144)

struct slack {
    struct timer *timer;
    int64_t floor; /* resident but not malloc's, as of the last trim: code, stacks, remains */
};

/* Resident bytes that malloc has not given to anybody. */
static int64_t excess(void)
{
    char text[128] = "";
    unsigned long pages = 0;
    cleanup_close int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0 || sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    struct mallinfo2 in_use = mallinfo2();
    return (int64_t)pages * sysconf(_SC_PAGESIZE) - (int64_t)in_use.uordblks -
           (int64_t)in_use.hblkhd;
}

static void on_look(void *arg)
{
    struct slack *slack = arg;
    int64_t now = excess();
    if (now > slack->floor + TOLERATED) {
        (void)malloc_trim(0);
        slack->floor = excess();
        log_debug("memory: %lld KiB given back", (long long)(now - slack->floor) / 1024);
    } else if (now < slack->floor) {
        slack->floor = now;
    }
    timer_set(slack->timer, LOOK_MS);
}

int slack_open(struct loop *loop, struct slack **ret_slack, struct err *err)
{
    struct slack *slack = calloc(1, sizeof *slack);
    if (!slack)
        return err_memory(err);
    if (timer_open(loop, on_look, slack, &slack->timer, err) < 0) {
        free(slack);
        return -1;
    }
    timer_set(slack->timer, LOOK_MS);
    *ret_slack = slack;
    return 0;
}

void slack_close(struct slack *slack)
{
    if (!slack)
        return;
    timer_close(slack->timer);
    free(slack);
}
