#include "desktop/shots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "desktop/image.h"

#define AT_ONCE    2
#define STACK_SIZE ((size_t)256 * 1024)

static void on_finished(void *arg, short events);

int shots_open(struct shots *shots, struct loop *loop, struct err *err)
{
    *shots = (struct shots){.loop = loop};
    (void)pthread_mutex_init(&shots->lock, NULL);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return err_errno(err, errno, "cannot make an eventfd");
    shots->watch = (struct watch){.fd = fd, .events = POLLIN, .fn = on_finished, .arg = shots};
    return loop_watch(loop, &shots->watch, err);
}

static void *run(void *arg)
{
    struct shot *shot = arg;
    struct shots *shots = shot->shots;
    uint64_t one = 1;
    if (shot->format == DISPLAY_PNG)
        (void)!png_encode(&shot->screen, &shot->image, &shot->err);
    else
        (void)!jpeg_encode(&shot->screen, shot->quality, &shot->image, &shot->err);
    screen_let_go(&shot->screen);
    (void)pthread_mutex_lock(&shots->lock);
    shot->next = shots->finished;
    shots->finished = shot;
    (void)pthread_mutex_unlock(&shots->lock);
    (void)!write(shots->watch.fd, &one, sizeof one);
    return NULL;
}

static void finish(struct shot *shot)
{
    if (shot->done)
        shot->done(shot->arg, shot);
    bytes_done(&shot->image);
    free(shot);
}

static void start_waiting(struct shots *shots)
{
    while (shots->waiting && shots->running < AT_ONCE) {
        struct shot *shot = shots->waiting;
        pthread_attr_t attributes;
        shots->waiting = shot->next;
        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
        int failed = pthread_create(&shot->thread, &attributes, run, shot);
        (void)pthread_attr_destroy(&attributes);
        if (failed) {
            (void)err_errno(&shot->err, failed, "cannot start a thread");
            finish(shot);
        } else {
            shots->running++;
        }
    }
}

static void on_finished(void *arg, short events)
{
    struct shots *shots = arg;
    uint64_t count;
    (void)events;
    (void)!read(shots->watch.fd, &count, sizeof count);
    (void)pthread_mutex_lock(&shots->lock);
    struct shot *shot = shots->finished;
    shots->finished = NULL;
    (void)pthread_mutex_unlock(&shots->lock);
    while (shot) {
        struct shot *next = shot->next;
        (void)pthread_join(shot->thread, NULL);
        shots->running--;
        finish(shot);
        shot = next;
    }
    start_waiting(shots);
}

int shots_take(struct shots *shots, const struct screen *screen, enum display_format format,
               int quality, void (*done)(void *arg, struct shot *shot), void *arg,
               struct shot **ret_shot, struct err *err)
{
    struct shot *shot = calloc(1, sizeof *shot);
    if (!shot)
        return err_memory(err);
    shot->screen = *screen;
    shot->format = format;
    shot->quality = quality;
    shot->image = bytes_with_limit(DISPLAY_MAX_REPLY);
    shot->shots = shots;
    shot->done = done;
    shot->arg = arg;
    struct shot **link = &shots->waiting;
    while (*link)
        link = &(*link)->next;
    *link = shot;
    *ret_shot = shot;
    start_waiting(shots);
    return 0;
}

void shots_cancel(struct shot *shot)
{
    shot->done = NULL;
}
