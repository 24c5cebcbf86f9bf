#include "desktop/viewer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "desktop/vnc.h"

#define STACK_SIZE     ((size_t)512 * 1024)
#define ANSWER_SECONDS 5

/* What the loop has for the viewer. */
struct box {
    struct rect damage[TILES_MAX_OUT];
    int damage_count;
    bool resized, new_shape, answered, answer, end;
    int width, height;
    struct shape *shape;
    struct text *clipboard;
};

struct viewer {
    struct letters *letters;
    void *state;
    struct screen screen; /* as it was when the viewer came */
    int socket;           /* the thread's, until the session has it */
    int line;             /* the same connection, for the loop to cut */
    int wake;             /* eventfd: the box has something */
    pthread_t thread;
    pthread_mutex_t lock; /* of the box */
    pthread_cond_t answer;
    struct box box;
    bool wants, ready; /* the thread's: what it has told the loop */
};

/* ---- letters ---- */

static void raise_flag(int fd)
{
    uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}

static void lower_flag(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
}

int letters_init(struct letters *letters, struct err *err)
{
    (void)pthread_mutex_init(&letters->lock, NULL);
    (void)pthread_cond_init(&letters->room, NULL);
    letters->count = 0;
    letters->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return letters->wake < 0 ? err_errno(err, errno, "cannot make an eventfd") : 0;
}

/* Of the places where the pointer was only the last counts, as long as the buttons stay. */
static bool is_overtaken(const struct letter *last, const struct letter *letter)
{
    return last->kind == LETTER_POINTER && letter->kind == LETTER_POINTER &&
           last->viewer == letter->viewer && last->a == letter->a;
}

static void send_letter(struct letters *letters, const struct letter *letter)
{
    (void)pthread_mutex_lock(&letters->lock);
    if (letters->count && is_overtaken(&letters->list[letters->count - 1], letter))
        letters->count--;
    while (letters->count == VIEWER_MAX_LETTERS)
        (void)pthread_cond_wait(&letters->room, &letters->lock);
    letters->list[letters->count++] = *letter;
    if (letters->count == 1)
        raise_flag(letters->wake);
    (void)pthread_mutex_unlock(&letters->lock);
}

int letters_take(struct letters *letters, struct letter *out, int max)
{
    (void)pthread_mutex_lock(&letters->lock);
    int n = letters->count < max ? letters->count : max;
    memcpy(out, letters->list, (size_t)n * sizeof *out);
    letters->count -= n;
    memmove(letters->list, letters->list + n, (size_t)letters->count * sizeof *out);
    if (letters->count == 0)
        lower_flag(letters->wake);
    (void)pthread_cond_broadcast(&letters->room);
    (void)pthread_mutex_unlock(&letters->lock);
    return n;
}

/* ---- the thread ---- */

static void tell(struct viewer *v, enum letter_kind kind, uint32_t a, int b, int c)
{
    struct letter letter = {.viewer = v, .kind = kind, .a = a, .b = b, .c = c};
    send_letter(v->letters, &letter);
}

static void on_pointer(void *arg, unsigned buttons, int x, int y)
{
    tell(arg, LETTER_POINTER, buttons, x, y);
}

static void on_key(void *arg, uint32_t keysym, bool down)
{
    tell(arg, LETTER_KEY, keysym, down, 0);
}

static void on_clipboard(void *arg, struct text *text)
{
    struct viewer *v = arg;
    struct letter letter = {.viewer = v, .kind = LETTER_CLIPBOARD, .text = text};
    send_letter(v->letters, &letter);
}

static bool on_resize(void *arg, int width, int height)
{
    struct viewer *v = arg;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ANSWER_SECONDS;
    (void)pthread_mutex_lock(&v->lock);
    v->box.answered = false;
    (void)pthread_mutex_unlock(&v->lock);
    tell(v, LETTER_RESIZE, 0, width, height);
    (void)pthread_mutex_lock(&v->lock);
    int late = 0;
    while (!v->box.answered && !v->box.end && !late)
        late = pthread_cond_timedwait(&v->answer, &v->lock, &until);
    bool done = v->box.answered && v->box.answer;
    (void)pthread_mutex_unlock(&v->lock);
    return done;
}

/* False: the viewer is to go. */
static bool empty_box(struct viewer *v, struct vnc *vnc)
{
    (void)pthread_mutex_lock(&v->lock);
    lower_flag(v->wake);
    struct box box = v->box;
    v->box.damage_count = 0;
    v->box.resized = v->box.new_shape = false;
    v->box.shape = NULL;
    v->box.clipboard = NULL;
    (void)pthread_mutex_unlock(&v->lock);
    if (box.resized)
        vnc_resize(vnc, box.width, box.height);
    if (box.new_shape)
        vnc_set_shape(vnc, box.shape);
    if (box.clipboard)
        vnc_set_clipboard(vnc, box.clipboard);
    if (box.damage_count) {
        v->wants = false;
        vnc_damage(vnc, box.damage, box.damage_count);
    }
    return !box.end;
}

static void tell_news(struct viewer *v, const struct vnc *vnc)
{
    if (!v->ready && vnc_is_ready(vnc)) {
        v->ready = true;
        tell(v, LETTER_READY, 0, 0, 0);
    }
    if (!v->wants && vnc_wants_damage(vnc)) {
        v->wants = true;
        tell(v, LETTER_WANTS, 0, 0, 0);
    }
}

static void serve(struct viewer *v, struct vnc *vnc)
{
    while (vnc_fd(vnc) >= 0) {
        struct pollfd fds[] = {{.fd = vnc_fd(vnc), .events = POLLIN},
                               {.fd = v->wake, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[1].revents && !empty_box(v, vnc))
            return;
        if (fds[0].revents && vnc_fd(vnc) >= 0)
            vnc_read(vnc);
        vnc_send(vnc);
        if (vnc_fd(vnc) >= 0)
            tell_news(v, vnc);
    }
}

static void *run(void *arg)
{
    struct viewer *v = arg;
    const struct vnc_events events = {on_pointer, on_key, on_clipboard, on_resize, v};
    struct vnc *vnc;
    struct err err;
    if (vnc_open(v->socket, &v->screen, &events, &vnc, &err) == 0) {
        serve(v, vnc);
        vnc_close(vnc);
    }
    tell(v, LETTER_GONE, 0, 0, 0);
    return NULL;
}

/* ---- the loop's side ---- */

static int start_thread(struct viewer *v, struct err *err)
{
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int failed = pthread_create(&v->thread, &attributes, run, v);
    (void)pthread_attr_destroy(&attributes);
    return failed ? err_errno(err, failed, "cannot start a thread") : 0;
}

static void free_memory(struct viewer *v)
{
    if (v->line >= 0)
        (void)close(v->line);
    if (v->wake >= 0)
        (void)close(v->wake);
    shape_unref(v->box.shape);
    text_unref(v->box.clipboard);
    (void)pthread_mutex_destroy(&v->lock);
    (void)pthread_cond_destroy(&v->answer);
    free(v);
}

int viewer_open(int fd, const struct screen *screen, struct letters *letters, void *state,
                struct viewer **ret_viewer, struct err *err)
{
    struct viewer *v = calloc(1, sizeof *v);
    if (!v) {
        (void)close(fd);
        return err_memory(err);
    }
    v->letters = letters;
    v->state = state;
    v->screen = *screen;
    v->socket = fd;
    v->line = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    v->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&v->lock, NULL);
    (void)pthread_cond_init(&v->answer, NULL);
    int result = v->line < 0 || v->wake < 0 ? err_errno(err, errno, "cannot serve a viewer")
                                            : start_thread(v, err);
    if (result < 0) {
        (void)close(fd);
        free_memory(v);
        return -1;
    }
    *ret_viewer = v;
    return 0;
}

void *viewer_state(const struct viewer *v)
{
    return v->state;
}

void viewer_free(struct viewer *v)
{
    (void)pthread_join(v->thread, NULL);
    free_memory(v);
}

static struct box *open_box(struct viewer *v)
{
    (void)pthread_mutex_lock(&v->lock);
    return &v->box;
}

static void close_box(struct viewer *v)
{
    raise_flag(v->wake);
    (void)pthread_mutex_unlock(&v->lock);
}

void viewer_end(struct viewer *v)
{
    open_box(v)->end = true;
    (void)pthread_cond_signal(&v->answer);
    close_box(v);
    /* It may be stuck in reading or writing. */
    (void)shutdown(v->line, SHUT_RDWR);
}

void viewer_answer(struct viewer *v, bool done)
{
    struct box *box = open_box(v);
    box->answered = true;
    box->answer = done;
    (void)pthread_cond_signal(&v->answer);
    close_box(v);
}

/* When there is no room for further rectangles they become the one that holds them all. */
void viewer_damage(struct viewer *v, const struct rect *rects, int count)
{
    struct box *box = open_box(v);
    for (int i = 0; i < count; i++) {
        if (box->damage_count < TILES_MAX_OUT) {
            box->damage[box->damage_count++] = rects[i];
            continue;
        }
        for (int old = 1; old < box->damage_count; old++)
            rect_extend(&box->damage[0], &box->damage[old]);
        rect_extend(&box->damage[0], &rects[i]);
        box->damage_count = 1;
    }
    close_box(v);
}

void viewer_resize(struct viewer *v, int width, int height)
{
    struct box *box = open_box(v);
    box->resized = true;
    box->width = width;
    box->height = height;
    close_box(v);
}

void viewer_shape(struct viewer *v, struct shape *shape)
{
    struct box *box = open_box(v);
    shape_unref(box->shape);
    box->shape = shape_ref(shape);
    box->new_shape = true;
    close_box(v);
}

void viewer_clipboard(struct viewer *v, struct text *text)
{
    struct box *box = open_box(v);
    text_unref(box->clipboard);
    box->clipboard = text_ref(text);
    close_box(v);
}
