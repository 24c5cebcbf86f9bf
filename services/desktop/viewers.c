#include "desktop/viewers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "desktop/listen.h"
#include "desktop/viewer.h"

#define INTRODUCTION_MS 15000 /* for the handshakes */
#define TAKE_AT_ONCE    64
#define SETTLE_MS       100 /* for programs on the screen to learn what a key means now */

/* What the loop knows of a viewer. */
struct seat {
    struct viewers *viewers;
    struct viewer *viewer; /* NULL: free */
    struct input_source source;
    struct timer introduction;
    bool wants;
};

struct viewers {
    struct loop *loop;
    const struct screen *screen;
    struct input *input;
    struct viewers_events events;
    struct watch listener, letters_watch;
    struct letters letters;
    struct letter taken[TAKE_AT_ONCE]; /* of which `done` are dealt with */
    int taken_count, done;
    struct timer settle; /* set: the next waits for it, and all behind it */
    struct seat seats[VIEWERS_MAX];
    struct shape *shape;
    struct text *clipboard;
    int count;
};

static void on_letters(void *arg, short events);
static void on_settled(void *arg);

static void introduction_expired(void *arg)
{
    struct seat *seat = arg;
    viewer_end(seat->viewer);
}

static void leave_seat(struct viewers *all, struct seat *seat)
{
    seat->viewer = NULL;
    seat->wants = false;
    if (--all->count == 0)
        all->events.looked_at(all->events.arg, false);
}

static void take_seat(struct viewers *all, struct seat *seat, int fd)
{
    struct err ignored;
    memset(seat, 0, sizeof *seat);
    seat->viewers = all;
    seat->introduction = (struct timer){.fn = introduction_expired, .arg = seat};
    /* Changes are noticed before the viewer looks for the first time. */
    if (all->count++ == 0)
        all->events.looked_at(all->events.arg, true);
    if (viewer_open(fd, all->screen, &all->letters, seat, &seat->viewer, &ignored) < 0) {
        leave_seat(all, seat);
        return;
    }
    loop_timer(all->loop, &seat->introduction, INTRODUCTION_MS);
    viewer_shape(seat->viewer, all->shape);
    if (all->clipboard)
        viewer_clipboard(seat->viewer, all->clipboard);
}

static void on_connection(void *arg, short events)
{
    struct viewers *all = arg;
    (void)events;
    int fd = accept4(all->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (!all->seats[i].viewer) {
            take_seat(all, &all->seats[i], fd);
            return;
        }
    (void)close(fd);
}

int viewers_open(struct loop *loop, const char *path, const struct screen *screen,
                 struct input *input, const struct viewers_events *events,
                 struct viewers **ret_viewers, struct err *err)
{
    struct viewers *all = calloc(1, sizeof *all);
    if (!all)
        return err_memory(err);
    all->loop = loop;
    all->screen = screen;
    all->input = input;
    all->events = *events;
    all->listener = (struct watch){.events = POLLIN, .fn = on_connection, .arg = all};
    all->letters_watch = (struct watch){.events = POLLIN, .fn = on_letters, .arg = all};
    all->settle = (struct timer){.fn = on_settled, .arg = all};
    if (listen_at(path, &all->listener.fd, err) < 0 || letters_init(&all->letters, err) < 0)
        return -1;
    all->letters_watch.fd = all->letters.wake;
    if (loop_watch(loop, &all->listener, err) < 0 || loop_watch(loop, &all->letters_watch, err) < 0)
        return -1;
    *ret_viewers = all;
    return 0;
}

static void on_gone(struct viewers *all, struct seat *seat)
{
    input_release_all(all->input, &seat->source);
    loop_cancel(all->loop, &seat->introduction);
    viewer_free(seat->viewer);
    leave_seat(all, seat);
}

static void on_resize(struct viewers *all, struct seat *seat, const struct letter *letter)
{
    viewer_answer(seat->viewer, all->events.resize(all->events.arg, letter->b, letter->c));
}

static void on_letter(struct viewers *all, const struct letter *letter)
{
    struct seat *seat = viewer_state(letter->viewer);
    switch (letter->kind) {
    case LETTER_WANTS:
        seat->wants = true;
        break;
    case LETTER_READY:
        loop_cancel(all->loop, &seat->introduction);
        break;
    case LETTER_POINTER:
        input_pointer(all->input, &seat->source, letter->a, letter->b, letter->c);
        break;
    case LETTER_KEY:
        (void)input_symbol(all->input, &seat->source, letter->a, letter->b);
        break;
    case LETTER_CLIPBOARD:
        all->events.clipboard(all->events.arg, letter->text);
        text_unref(letter->text);
        break;
    case LETTER_RESIZE:
        on_resize(all, seat, letter);
        break;
    case LETTER_GONE:
        on_gone(all, seat);
        break;
    }
}

/* A key for a symbol that no key had: everything waits until programs know of it. */
static bool has_to_settle(struct viewers *all, const struct letter *letter)
{
    bool soon = letter->kind == LETTER_KEY && letter->b &&
                input_prepare(all->input, letter->a) == INPUT_SOON;
    keyboard_flush(all->input->keyboard);
    if (soon)
        loop_timer(all->loop, &all->settle, SETTLE_MS);
    return soon;
}

static void work_off(struct viewers *all)
{
    while (all->done < all->taken_count) {
        const struct letter *letter = &all->taken[all->done];
        if (has_to_settle(all, letter)) {
            all->letters_watch.events = 0;
            return;
        }
        all->done++;
        on_letter(all, letter);
    }
    all->letters_watch.events = POLLIN;
}

static void on_letters(void *arg, short events)
{
    struct viewers *all = arg;
    if (!events || all->settle.due_ms)
        return;
    all->taken_count = letters_take(&all->letters, all->taken, TAKE_AT_ONCE);
    all->done = 0;
    work_off(all);
}

static void on_settled(void *arg)
{
    struct viewers *all = arg;
    const struct letter *letter = &all->taken[all->done++];
    on_letter(all, letter);
    work_off(all);
}

int viewers_count(const struct viewers *all)
{
    return all->count;
}

bool viewers_want_damage(const struct viewers *all)
{
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (all->seats[i].viewer && all->seats[i].wants)
            return true;
    return false;
}

void viewers_damage(struct viewers *all, const struct rect *rects, int count)
{
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (all->seats[i].viewer) {
            all->seats[i].wants = false;
            viewer_damage(all->seats[i].viewer, rects, count);
        }
}

void viewers_resize(struct viewers *all, int width, int height)
{
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (all->seats[i].viewer)
            viewer_resize(all->seats[i].viewer, width, height);
}

void viewers_shape(struct viewers *all, struct shape *shape)
{
    shape_unref(all->shape);
    all->shape = shape_ref(shape);
    for (int i = 0; i < VIEWERS_MAX; i++)
        if (all->seats[i].viewer)
            viewer_shape(all->seats[i].viewer, shape);
}

void viewers_clipboard(struct viewers *all, struct text *text)
{
    text_unref(all->clipboard);
    all->clipboard = text_ref(text);
    for (int i = 0; text && i < VIEWERS_MAX; i++)
        if (all->seats[i].viewer)
            viewer_clipboard(all->seats[i].viewer, text);
}
