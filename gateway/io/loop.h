/* io/loop.h: one thread owns the loop; everyone else posts to it. The only door to libuv.
 *
 * Every call belongs to the loop thread except loop_post(). Callbacks never run inside the call
 * that registers them. A handle that is closed fires no further callback; its memory goes at the
 * end of the iteration, so it may be closed from anywhere, its own callback included. */
#ifndef SANDGATE_IO_LOOP_H
#define SANDGATE_IO_LOOP_H

#include <signal.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct watch; /* one fd */
struct timer;

int loop_open(struct loop **ret_loop, struct err *err) MUST_CHECK;
/* Runs what is pending (offloaded work included), then frees. All handles must be closed. */
void loop_close(struct loop *loop);
/* Returns when loop_stop() was called. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Runs iterations until `until(arg)` is true or `ms` have passed, but a few in any case; for an
 * orderly shutdown. */
void loop_drain(struct loop *loop, int (*until)(void *arg), void *arg, uint64_t ms);

/* Changes whenever the loop waits for events, and when told by someone who has looked for events by
 * itself: within a turn nobody could act on what was sent in it. */
uint64_t loop_turn(const struct loop *loop);
void loop_next_turn(struct loop *loop);
/* Milliseconds of a monotonic clock, as of this iteration; loop_clock() is not cached. */
uint64_t loop_now(const struct loop *loop);
uint64_t loop_clock(void);

/* `fn(arg)` before each wait for events. */
struct each;
int each_open(struct loop *loop, void (*fn)(void *arg), void *arg, struct each **ret_each,
              struct err *err) MUST_CHECK;
/* NULL is fine. */
void each_close(struct each *each);

/* fds */
enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_HANGUP = 4 };
/* `events` on the callback may also report an error as all that was asked for. The fd stays the
 * caller's and must be open until watch_close(). Starts with no events. */
int watch_open(struct loop *loop, int fd, void (*fn)(void *arg, unsigned events), void *arg,
               struct watch **ret_watch, struct err *err) MUST_CHECK;
void watch_set(struct watch *watch, unsigned events);
/* NULL is fine. */
void watch_close(struct watch *watch);

/* timers; one shot */
int timer_open(struct loop *loop, void (*fn)(void *arg), void *arg, struct timer **ret_timer,
               struct err *err) MUST_CHECK;
void timer_set(struct timer *timer, uint64_t ms);
void timer_stop(struct timer *timer);
/* NULL is fine. */
void timer_close(struct timer *timer);

/* signals; for the life of the loop */
int loop_signal(struct loop *loop, int number, void (*fn)(void *arg, int number), void *arg,
                struct err *err) MUST_CHECK;

/* Have `fn(arg)` run on the loop thread soon. Any thread. */
int loop_post(struct loop *loop, void (*fn)(void *arg), void *arg) MUST_CHECK;

/* Have `work(arg)` run on a worker thread, then `done(arg)` on the loop. */
int loop_offload(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                 struct err *err) MUST_CHECK;

/* A lane keeps offloaded work in order: one job at a time. */
struct lane;
int lane_open(struct loop *loop, struct lane **ret_lane, struct err *err) MUST_CHECK;
int lane_offload(struct lane *lane, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                 struct err *err) MUST_CHECK;
/* 1 when nothing is queued or running. */
int lane_idle(void *lane);
/* Must be idle. NULL is fine. */
void lane_close(struct lane *lane);

/* The libuv loop, for a library that must share it (libwebsockets); as void * so that no one else
 * needs uv.h. */
void *loop_native(struct loop *loop);

#endif
