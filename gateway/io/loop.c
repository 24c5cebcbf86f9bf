#include "io/loop.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

/* A busy machine may give us our turn only when the time is up: what is due has its turn still. */
#define DRAIN_TURNS   4
#define DRAIN_TICK_MS 5

struct posted {
    struct posted *next;
    void (*fn)(void *);
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_async_t async;
    uv_prepare_t before_wait;
    uint64_t turn;
    pthread_mutex_t lock; /* guards the posted list */
    struct posted *posted, **posted_end;
};

struct watch {
    uv_poll_t uv;
    void (*fn)(void *, unsigned);
    void *arg;
    unsigned events;
};

struct timer {
    uv_timer_t uv;
    void (*fn)(void *);
    void *arg;
};

struct each {
    uv_prepare_t uv;
    void (*fn)(void *);
    void *arg;
};

struct sig {
    uv_signal_t uv;
    void (*fn)(void *, int);
    void *arg;
};

struct job {
    uv_work_t uv;
    void (*work)(void *);
    void (*done)(void *);
    void *arg;
};

static int from_uv(struct err *err, int code, const char *what)
{
    return err_errno(err, -code, "%s", what);
}

static void free_handle(uv_handle_t *handle)
{
    /* Every handle is the first member of its struct. */
    free(handle);
}

static void run_posted(uv_async_t *async)
{
    struct loop *loop = async->data;
    (void)pthread_mutex_lock(&loop->lock);
    struct posted *list = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    (void)pthread_mutex_unlock(&loop->lock);
    while (list) {
        struct posted *p = list;
        list = p->next;
        p->fn(p->arg);
        free(p);
    }
}

static void begin_turn(uv_prepare_t *uv)
{
    struct loop *loop = uv->data;
    loop->turn++;
}

/* libuv calls what was started first last: right before it waits. */
static void count_turns(struct loop *loop)
{
    (void)uv_prepare_init(&loop->uv, &loop->before_wait);
    loop->before_wait.data = loop;
    (void)uv_prepare_start(&loop->before_wait, begin_turn);
}

int loop_open(struct loop **ret_loop, struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return err_memory(err);
    int r = uv_loop_init(&loop->uv);
    if (r < 0) {
        free(loop);
        return from_uv(err, r, "cannot make an event loop");
    }
    (void)pthread_mutex_init(&loop->lock, NULL);
    loop->posted_end = &loop->posted;
    loop->async.data = loop;
    r = uv_async_init(&loop->uv, &loop->async, run_posted);
    if (r < 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        return from_uv(err, r, "cannot make an event loop");
    }
    count_turns(loop);
    *ret_loop = loop;
    return 0;
}

static void close_permanent(uv_handle_t *handle, void *arg)
{
    const struct loop *loop = arg;
    if (uv_is_closing(handle))
        return;
    bool own = handle == (const uv_handle_t *)&loop->async ||
               handle == (const uv_handle_t *)&loop->before_wait;
    uv_close(handle, own ? NULL : free_handle);
}

void loop_close(struct loop *loop)
{
    if (!loop)
        return;
    /* What is still open here is what lives as long as the loop: its signals. */
    uv_walk(&loop->uv, close_permanent, loop);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
        ;
    (void)uv_loop_close(&loop->uv);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void on_timer(uv_timer_t *uv);

void loop_drain(struct loop *loop, int (*until)(void *arg), void *arg, uint64_t ms)
{
    struct timer *tick = NULL;
    struct err err;
    uint64_t deadline = loop_clock() + ms;
    if (timer_open(loop, nothing, NULL, &tick, &err) < 0)
        return;
    /* Again and again: libuv runs what is due before it waits, and would then wait for ever. */
    (void)uv_timer_start(&tick->uv, on_timer, DRAIN_TICK_MS, DRAIN_TICK_MS);
    for (int turn = 0; !until(arg) && (loop_clock() < deadline || turn < DRAIN_TURNS); turn++)
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    timer_close(tick);
}

uint64_t loop_turn(const struct loop *loop)
{
    return loop->turn;
}

void loop_next_turn(struct loop *loop)
{
    loop->turn++;
}

uint64_t loop_now(const struct loop *loop)
{
    return uv_now(&loop->uv);
}

uint64_t loop_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_prepare(uv_prepare_t *uv)
{
    struct each *each = (struct each *)uv;
    each->fn(each->arg);
}

int each_open(struct loop *loop, void (*fn)(void *arg), void *arg, struct each **ret_each,
              struct err *err)
{
    struct each *each = calloc(1, sizeof *each);
    if (!each)
        return err_memory(err);
    each->fn = fn;
    each->arg = arg;
    (void)uv_prepare_init(&loop->uv, &each->uv);
    (void)uv_prepare_start(&each->uv, on_prepare);
    *ret_each = each;
    return 0;
}

void each_close(struct each *each)
{
    if (each)
        uv_close((uv_handle_t *)&each->uv, free_handle);
}

static void on_poll(uv_poll_t *uv, int status, int events);

static void watch_arm(struct watch *w)
{
    int uv = 0;
    if (w->events & WATCH_READ)
        uv |= UV_READABLE;
    if (w->events & WATCH_WRITE)
        uv |= UV_WRITABLE;
    if (w->events & WATCH_HANGUP)
        uv |= UV_DISCONNECT;
    if (uv)
        (void)uv_poll_start(&w->uv, uv, on_poll);
    else
        (void)uv_poll_stop(&w->uv);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct watch *w = (struct watch *)uv;
    unsigned seen = 0;
    /* An error on the descriptor stops libuv's watching; but what came before the error may still
     * be there to be read, and the error after it. */
    if (status < 0) {
        seen = w->events;
        watch_arm(w);
    }
    if (events & UV_READABLE)
        seen |= WATCH_READ;
    if (events & UV_WRITABLE)
        seen |= WATCH_WRITE;
    if (events & UV_DISCONNECT)
        seen |= WATCH_HANGUP;
    w->fn(w->arg, seen);
}

int watch_open(struct loop *loop, int fd, void (*fn)(void *arg, unsigned events), void *arg,
               struct watch **ret_watch, struct err *err)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return err_memory(err);
    int r = uv_poll_init(&loop->uv, &w->uv, fd);
    if (r < 0) {
        free(w);
        return from_uv(err, r, "cannot watch a file descriptor");
    }
    w->fn = fn;
    w->arg = arg;
    *ret_watch = w;
    return 0;
}

void watch_set(struct watch *w, unsigned events)
{
    if (w->events == events)
        return;
    w->events = events;
    watch_arm(w);
}

void watch_close(struct watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->uv, free_handle);
}

static void on_timer(uv_timer_t *uv)
{
    struct timer *t = (struct timer *)uv;
    t->fn(t->arg);
}

int timer_open(struct loop *loop, void (*fn)(void *arg), void *arg, struct timer **ret_timer,
               struct err *err)
{
    struct timer *t = calloc(1, sizeof *t);
    if (!t)
        return err_memory(err);
    (void)uv_timer_init(&loop->uv, &t->uv);
    t->fn = fn;
    t->arg = arg;
    *ret_timer = t;
    return 0;
}

void timer_set(struct timer *t, uint64_t ms)
{
    /* A callback may have run for a while: count from now, not from the iteration's start. */
    uv_update_time(t->uv.loop);
    (void)uv_timer_start(&t->uv, on_timer, ms, 0);
}

void timer_stop(struct timer *t)
{
    (void)uv_timer_stop(&t->uv);
}

void timer_close(struct timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->uv, free_handle);
}

static void on_signal(uv_signal_t *uv, int number)
{
    struct sig *s = (struct sig *)uv;
    s->fn(s->arg, number);
}

int loop_signal(struct loop *loop, int number, void (*fn)(void *arg, int number), void *arg,
                struct err *err)
{
    struct sig *s = calloc(1, sizeof *s);
    if (!s)
        return err_memory(err);
    s->fn = fn;
    s->arg = arg;
    (void)uv_signal_init(&loop->uv, &s->uv);
    int r = uv_signal_start(&s->uv, on_signal, number);
    if (r < 0) {
        uv_close((uv_handle_t *)&s->uv, free_handle);
        return from_uv(err, r, "cannot watch a signal");
    }
    return 0;
}

int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct posted *p = malloc(sizeof *p);
    if (!p)
        return -1;
    *p = (struct posted){NULL, fn, arg};
    (void)pthread_mutex_lock(&loop->lock);
    *loop->posted_end = p;
    loop->posted_end = &p->next;
    (void)pthread_mutex_unlock(&loop->lock);
    (void)uv_async_send(&loop->async);
    return 0;
}

static void on_work(uv_work_t *uv)
{
    struct job *job = (struct job *)uv;
    job->work(job->arg);
}

static void on_worked(uv_work_t *uv, int status)
{
    struct job *job = (struct job *)uv;
    (void)status; /* nothing is ever cancelled */
    void (*done)(void *) = job->done;
    void *arg = job->arg;
    free(job);
    done(arg);
}

int loop_offload(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                 struct err *err)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return err_memory(err);
    job->work = work;
    job->done = done;
    job->arg = arg;
    int r = uv_queue_work(&loop->uv, &job->uv, on_work, on_worked);
    if (r < 0) {
        free(job);
        return from_uv(err, r, "cannot start a worker");
    }
    return 0;
}

void *loop_native(struct loop *loop)
{
    return &loop->uv;
}
