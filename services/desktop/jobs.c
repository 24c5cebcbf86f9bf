#include "desktop/jobs.h"

#include <X11/keysym.h>
#include <string.h>

#include "desktop/keynames.h"

#define TYPED_AT_ONCE    64 /* characters, before others have their turn */
#define PREPARED_AT_ONCE 256
#define SETTLE_MS        100  /* for programs to learn what a key means now */
#define RETRY_MS         50   /* while no key is free for a symbol */
#define STUCK_MS         3000 /* after which none will be */
#define ARRIVE_MS        1000 /* for the window manager to pass a button on */
#define FETCH_MS         1500 /* for who is in front to fetch what is pasted; it may not want it */
#define QUIET_MS         60   /* after which who fetched has asked for the last time, … */
#define SLOW_QUIET_MS    600  /* … or later, when it takes its time */

enum progress { STEP_DONE, STEP_LATER, STEP_FAILED };

static void run(void *arg);

void jobs_open(struct jobs *jobs, struct loop *loop, struct input *input,
               struct clipboard *clipboard, void (*pasted)(void *arg, struct text *text), void *arg)
{
    *jobs = (struct jobs){.loop = loop,
                          .input = input,
                          .clipboard = clipboard,
                          .pasted = pasted,
                          .arg = arg,
                          .timer = {.fn = run, .arg = jobs}};
}

static enum progress later(struct jobs *jobs, uint64_t ms)
{
    loop_timer(jobs->loop, &jobs->timer, ms);
    return STEP_LATER;
}

/* No key can have the symbol now; soon one may. */
static enum progress stuck(struct jobs *jobs)
{
    uint64_t now = clock_ms();
    if (!jobs->since_ms)
        jobs->since_ms = now;
    return now - jobs->since_ms > STUCK_MS ? STEP_FAILED : later(jobs, RETRY_MS);
}

static enum progress use_button(struct jobs *jobs)
{
    if (!jobs->since_ms) {
        jobs->since_ms = clock_ms();
        input_button(jobs->input, &jobs->source, jobs->step.x, jobs->step.y != 0);
    }
    bool waited = clock_ms() - jobs->since_ms > ARRIVE_MS;
    return waited || input_has_arrived(jobs->input, &jobs->source) ? STEP_DONE : later(jobs, 1);
}

static enum progress press_key(struct jobs *jobs)
{
    uint32_t keysym = 0;
    (void)keyname_find(jobs->step.text, jobs->step.length, &keysym);
    return input_key(jobs->input, &jobs->source, keysym, jobs->step.x != 0) ? STEP_DONE
                                                                            : stuck(jobs);
}

/* The symbol at `at` of the text, and where the next begins. 0: nothing is to be typed. */
static uint32_t symbol_at(const struct step *step, size_t at, size_t *ret_next)
{
    size_t n;
    uint32_t keysym = keysym_of_character(utf8_character(step->text + at, step->length - at, &n));
    *ret_next = at + n;
    /* CR LF is one Enter. */
    bool crlf = step->text[at] == '\r' && at + 1 < step->length && step->text[at + 1] == '\n';
    return crlf ? 0 : keysym;
}

/* Sees to it that there are keys for what comes next. Programs take a while to learn what keys mean
 * now, so that is done for as much as there are keys, and then waited for. */
static enum progress prepare(struct jobs *jobs)
{
    bool soon = false;
    size_t at = jobs->typed, next;
    for (int i = 0; i < PREPARED_AT_ONCE && at < jobs->step.length; i++, at = next) {
        uint32_t keysym = symbol_at(&jobs->step, at, &next);
        enum input_offer offer = keysym ? input_prepare(jobs->input, keysym) : INPUT_THERE;
        if (offer == INPUT_NOT_NOW)
            break;
        soon = soon || offer == INPUT_SOON;
    }
    keyboard_flush(jobs->input->keyboard);
    if (at == jobs->typed)
        return stuck(jobs);
    jobs->prepared = at;
    jobs->since_ms = 0;
    return soon ? later(jobs, SETTLE_MS) : STEP_DONE;
}

static enum progress type_on(struct jobs *jobs)
{
    for (int i = 0; i < TYPED_AT_ONCE; i++) {
        size_t next;
        if (jobs->typed == jobs->step.length)
            return STEP_DONE;
        if (jobs->typed == jobs->prepared) {
            enum progress progress = prepare(jobs);
            if (progress != STEP_DONE)
                return progress;
        }
        uint32_t keysym = symbol_at(&jobs->step, jobs->typed, &next);
        if (keysym && !input_type(jobs->input, keysym))
            return stuck(jobs);
        jobs->typed = next;
    }
    return later(jobs, 1);
}

static enum progress paste(struct jobs *jobs)
{
    if (jobs->fetching) {
        jobs->fetching = false;
        return STEP_DONE;
    }
    struct text *text = text_new(jobs->step.text, jobs->step.length);
    if (!text)
        return STEP_FAILED;
    clipboard_set(jobs->clipboard, text);
    jobs->pasted(jobs->arg, text);
    text_unref(text);
    jobs->fetching = true;
    jobs->fetched = false;
    jobs->since_ms = jobs->heard_ms = clock_ms();
    jobs->silence_ms = 0;
    (void)input_key(jobs->input, &jobs->source, XK_Control_L, true);
    (void)input_key(jobs->input, &jobs->source, XK_v, true);
    (void)input_key(jobs->input, &jobs->source, XK_v, false);
    (void)input_key(jobs->input, &jobs->source, XK_Control_L, false);
    return later(jobs, FETCH_MS);
}

static enum progress go_on(struct jobs *jobs)
{
    const struct step *step = &jobs->step;
    switch (step->kind) {
    case DISPLAY_MOVE:
        input_move(jobs->input, step->x, step->y);
        return STEP_DONE;
    case DISPLAY_BUTTON:
        return use_button(jobs);
    case DISPLAY_KEY:
        return press_key(jobs);
    case DISPLAY_TYPE:
        return type_on(jobs);
    case DISPLAY_PASTE:
        return paste(jobs);
    case DISPLAY_WAIT:
        if (jobs->typed++ == 0)
            return later(jobs, (uint64_t)step->x);
        return STEP_DONE;
    }
    return STEP_DONE;
}

static void finish(struct jobs *jobs, const struct err *err)
{
    struct job *job = jobs->first;
    jobs->first = job->next;
    jobs->busy = jobs->fetching = false;
    loop_cancel(jobs->loop, &jobs->timer);
    if (err)
        input_release_all(jobs->input, &jobs->source);
    job->done(job->arg, err);
}

static void run(void *arg)
{
    struct jobs *jobs = arg;
    while (jobs->first) {
        struct job *job = jobs->first;
        if (!jobs->busy && !request_step(job->payload, job->n, &job->offset, &jobs->step)) {
            finish(jobs, NULL);
            continue;
        }
        if (!jobs->busy) {
            jobs->typed = jobs->prepared = 0;
            jobs->since_ms = 0;
            jobs->busy = true;
        }
        enum progress progress = go_on(jobs);
        if (progress == STEP_LATER)
            break;
        jobs->busy = false;
        if (progress == STEP_FAILED) {
            struct err err;
            (void)err_set(&err, ERR_SYSTEM, "no key of the keyboard could be given that symbol");
            finish(jobs, &err);
        }
    }
    (void)XFlush(jobs->input->x->display);
}

void jobs_add(struct jobs *jobs, struct job *job)
{
    struct job **link = &jobs->first;
    bool idle = !jobs->first;
    job->next = NULL;
    job->offset = 0;
    while (*link)
        link = &(*link)->next;
    *link = job;
    if (idle)
        run(jobs);
}

static void nothing_done(void *arg, const struct err *err)
{
    (void)arg;
    (void)err;
}

void jobs_cancel(struct jobs *jobs, struct job *job)
{
    struct job **link = &jobs->first;
    if (jobs->first == job) {
        struct err err;
        (void)err_set(&err, ERR_CONFLICT, "cancelled");
        job->done = nothing_done;
        finish(jobs, &err);
        run(jobs);
        return;
    }
    while (*link && *link != job)
        link = &(*link)->next;
    if (*link)
        *link = job->next;
}

/* Chromium fetches for its own sake before it fetches to paste, and asks for the kinds of text
 * again and again: what follows (another text, Enter) waits until it has fallen silent. */
void jobs_asked(struct jobs *jobs)
{
    uint64_t now = clock_ms();
    if (!jobs->fetching || now - jobs->since_ms >= FETCH_MS)
        return;
    if (now - jobs->heard_ms > jobs->silence_ms)
        jobs->silence_ms = now - jobs->heard_ms;
    jobs->heard_ms = now;
    uint64_t quiet = 4 * jobs->silence_ms;
    if (quiet < QUIET_MS)
        quiet = QUIET_MS;
    if (quiet > SLOW_QUIET_MS)
        quiet = SLOW_QUIET_MS;
    if (jobs->fetched)
        loop_timer(jobs->loop, &jobs->timer, quiet);
}

void jobs_fetched(struct jobs *jobs)
{
    jobs->fetched = true;
    jobs_asked(jobs);
}
