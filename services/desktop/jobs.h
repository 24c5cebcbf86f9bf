/* desktop/jobs.h: lists of input, done one after another without holding up anything else. Loop
 * thread only. */
#ifndef SANDGATE_DESKTOP_JOBS_H
#define SANDGATE_DESKTOP_JOBS_H

#include "base/bytes.h"
#include "desktop/clipboard.h"
#include "desktop/control_request.h"
#include "desktop/input.h"
#include "desktop/loop.h"

/* Belongs to who asks; must stay until done or cancelled. */
struct job {
    struct job *next;
    const char *payload; /* a checked list */
    size_t n, offset;
    /* Once. `err` NULL: all is done. */
    void (*done)(void *arg, const struct err *err);
    void *arg;
};

struct jobs {
    struct loop *loop;
    struct input *input;
    struct clipboard *clipboard;
    /* Called with what a list made the clipboard. */
    void (*pasted)(void *arg, struct text *text);
    void *arg;
    struct input_source source; /* what lists hold down, also from one to the next */
    struct job *first;
    struct timer timer;
    struct step step; /* under way, when `busy` */
    size_t typed;     /* bytes of its text */
    size_t prepared;  /* up to here all symbols are on keys */
    bool busy, fetching, fetched;
    uint64_t since_ms; /* when the step got stuck, or began to wait */
    /* Of a paste: when somebody last asked about it, and the longest it took to. */
    uint64_t heard_ms, silence_ms;
};

void jobs_open(struct jobs *jobs, struct loop *loop, struct input *input,
               struct clipboard *clipboard, void (*pasted)(void *arg, struct text *text),
               void *arg);
void jobs_add(struct jobs *jobs, struct job *job);
/* What it holds down is released when it was under way. */
void jobs_cancel(struct jobs *jobs, struct job *job);
/* The clipboard was fetched; somebody asks about it. */
void jobs_fetched(struct jobs *jobs);
void jobs_asked(struct jobs *jobs);

#endif
