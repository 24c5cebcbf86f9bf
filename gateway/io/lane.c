/* A lane is a queue in front of loop_offload(): the next job starts when the last one is done. */
#include <stdlib.h>

#include "base/log.h"
#include "io/loop.h"

struct lane_job {
    struct lane_job *next;
    struct lane *lane;
    void (*work)(void *);
    void (*done)(void *);
    void *arg;
};

struct lane {
    struct loop *loop;
    struct lane_job *head, **tail;
    int running;
};

static void start_next(struct lane *lane);

static void lane_work(void *arg)
{
    struct lane_job *job = arg;
    job->work(job->arg);
}

static void lane_done(void *arg)
{
    struct lane_job *job = arg;
    struct lane *lane = job->lane;
    lane->running = 0;
    start_next(lane);
    job->done(job->arg);
    free(job);
}

static void start_next(struct lane *lane)
{
    struct err err;
    struct lane_job *job = lane->head;
    if (!job || lane->running)
        return;
    lane->head = job->next;
    if (!lane->head)
        lane->tail = &lane->head;
    lane->running = 1;
    if (loop_offload(lane->loop, lane_work, lane_done, job, &err) == 0)
        return;
    /* Without a worker the job runs here: late is better than lost. */
    log_warn("lane: %s; running on the loop", err.text);
    lane_work(job);
    lane_done(job);
}

int lane_open(struct loop *loop, struct lane **ret_lane, struct err *err)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return err_memory(err);
    lane->loop = loop;
    lane->tail = &lane->head;
    *ret_lane = lane;
    return 0;
}

int lane_offload(struct lane *lane, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                 struct err *err)
{
    struct lane_job *job = calloc(1, sizeof *job);
    if (!job)
        return err_memory(err);
    *job = (struct lane_job){NULL, lane, work, done, arg};
    *lane->tail = job;
    lane->tail = &job->next;
    start_next(lane);
    return 0;
}

int lane_idle(void *arg)
{
    const struct lane *lane = arg;
    return !lane->head && !lane->running;
}

void lane_close(struct lane *lane)
{
    free(lane);
}
