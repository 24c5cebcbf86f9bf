/* /v1/browser/actions: one action of a mouse or keyboard on the desktop, as visual agents do it.
 *
 * Coordinates are pixels of the screen; SCROLL counts pixels too, down and right positive, and is
 * done in whole notches of a wheel. */
#include <math.h>
#include <string.h>

#include "api/app.h"
#include "api/desktop.h"
#include "http/envelope.h"

#define BODY        ((size_t)DISPLAY_MAX_TEXT * 6 + 4 * KIB) /* JSON may escape a byte to six */
#define EVENTS      (DISPLAY_MAX_REQUEST)
#define NOTCH       53 /* what Chromium scrolls for one click of a wheel, pixels */
#define MAX_SCROLL  50000
#define MAX_SECONDS 60
#define DRAG_STEPS  16
#define DRAG_MS     8
#define SETTLE_MS   20
/* A browser hands a shortcut to the page first and acts on it when the page did not: what is typed
 * sooner goes where the focus was. */
#define HOTKEY_MS 100
#define CLICK_MS  5 /* clicks of the same millisecond are not taken for a double click */
/* Allowance for typing, per character: the program under the pointer sets the pace. */
#define TYPE_MS 20

enum buttons { LEFT = 1, MIDDLE = 2, RIGHT = 3, WHEEL_UP = 4, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT };

struct action_input {
    int action_type, button;
    double x, y, x_offset, y_offset, duration;
    int64_t num_clicks, dx, dy;
    struct text text, key;
    struct text_list keys;
    bool use_clipboard;
};

struct act {
    struct desktop_talk talk; /* first: a talk is an act */
    const struct action_input *in;
    struct display_status screen;
    struct bytes events;
    struct timer *timer;
};

/* ---- places ---- */

static int check_place(const struct display_status *screen, double x, double y, const char *x_name,
                       const char *y_name, struct err *err)
{
    if (x < 0 || x >= screen->width)
        return err_field(err, x_name, "field '%s' leads to column %.0f, off the screen (0 to %d)",
                         x_name, x, screen->width - 1);
    if (y < 0 || y >= screen->height)
        return err_field(err, y_name, "field '%s' leads to row %.0f, off the screen (0 to %d)",
                         y_name, y, screen->height - 1);
    return 0;
}

/* Where the fields point: absolute, or an offset to where the pointer is. */
static int target(const struct act *a, bool relative, int *ret_x, int *ret_y, struct err *err)
{
    const struct action_input *in = a->in;
    double x = floor(relative ? a->screen.pointer_x + in->x_offset : in->x);
    double y = floor(relative ? a->screen.pointer_y + in->y_offset : in->y);
    if (check_place(&a->screen, x, y, relative ? "x_offset" : "x", relative ? "y_offset" : "y",
                    err) < 0)
        return -1;
    *ret_x = (int)x;
    *ret_y = (int)y;
    return 0;
}

/* ---- the sixteen ---- */

static int move(struct act *a, bool relative, struct err *err)
{
    int x, y;
    if (target(a, relative, &x, &y, err) < 0)
        return -1;
    display_event(&a->events, DISPLAY_MOVE, x, y);
    return 0;
}

static int move_to(struct act *a, struct err *err)
{
    return move(a, false, err);
}

static int move_rel(struct act *a, struct err *err)
{
    return move(a, true, err);
}

static int click(struct act *a, int button, int64_t times, struct err *err)
{
    const struct action_input *in = a->in;
    if (isnan(in->x) != isnan(in->y))
        return err_field(err, isnan(in->x) ? "x" : "y", "fields 'x' and 'y' go together");
    if (!isnan(in->x) && move(a, false, err) < 0)
        return -1;
    for (int64_t i = 0; i < times; i++) {
        if (i > 0)
            display_event(&a->events, DISPLAY_WAIT, CLICK_MS, 0);
        display_event(&a->events, DISPLAY_BUTTON, button, 1);
        display_event(&a->events, DISPLAY_BUTTON, button, 0);
    }
    return 0;
}

static int chosen_button(const struct act *a)
{
    static const int buttons[] = {LEFT, RIGHT, MIDDLE};
    return buttons[a->in->button];
}

static int any_click(struct act *a, struct err *err)
{
    return click(a, chosen_button(a), a->in->num_clicks, err);
}

static int right_click(struct act *a, struct err *err)
{
    return click(a, RIGHT, 1, err);
}

static int double_click(struct act *a, struct err *err)
{
    return click(a, LEFT, 2, err);
}

static int mouse_down(struct act *a, struct err *err)
{
    (void)err;
    display_event(&a->events, DISPLAY_BUTTON, chosen_button(a), 1);
    return 0;
}

static int mouse_up(struct act *a, struct err *err)
{
    (void)err;
    display_event(&a->events, DISPLAY_BUTTON, chosen_button(a), 0);
    return 0;
}

/* Programs take a press and a release far away for a click unless they see the way between. */
static int drag(struct act *a, bool relative, struct err *err)
{
    int from_x = a->screen.pointer_x, from_y = a->screen.pointer_y, x, y;
    if (target(a, relative, &x, &y, err) < 0)
        return -1;
    display_event(&a->events, DISPLAY_BUTTON, LEFT, 1);
    display_event(&a->events, DISPLAY_WAIT, SETTLE_MS, 0);
    for (int i = 1; i <= DRAG_STEPS; i++) {
        display_event(&a->events, DISPLAY_MOVE, from_x + (x - from_x) * i / DRAG_STEPS,
                      from_y + (y - from_y) * i / DRAG_STEPS);
        display_event(&a->events, DISPLAY_WAIT, DRAG_MS, 0);
    }
    display_event(&a->events, DISPLAY_WAIT, SETTLE_MS, 0);
    display_event(&a->events, DISPLAY_BUTTON, LEFT, 0);
    return 0;
}

static int drag_to(struct act *a, struct err *err)
{
    return drag(a, false, err);
}

static int drag_rel(struct act *a, struct err *err)
{
    return drag(a, true, err);
}

static void turn(struct act *a, int64_t pixels, int backward, int forward)
{
    int64_t notches = (llabs(pixels) + NOTCH / 2) / NOTCH;
    if (pixels != 0 && notches == 0)
        notches = 1;
    for (int64_t i = 0; i < notches; i++) {
        int button = pixels < 0 ? backward : forward;
        display_event(&a->events, DISPLAY_BUTTON, button, 1);
        display_event(&a->events, DISPLAY_BUTTON, button, 0);
    }
}

static int scroll(struct act *a, struct err *err)
{
    (void)err;
    turn(a, a->in->dy, WHEEL_UP, WHEEL_DOWN);
    turn(a, a->in->dx, WHEEL_LEFT, WHEEL_RIGHT);
    return 0;
}

/* Keys write no control characters; a clipboard may hold them. */
static int check_typed(const struct text *text, struct err *err)
{
    for (size_t i = 0; i < text->n; i++) {
        unsigned char c = (unsigned char)text->p[i];
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return err_field(err, "text",
                             "field 'text' holds the control character U+%04X at "
                             "byte %zu, for which there is no key",
                             c, i);
    }
    return 0;
}

static int typing(struct act *a, struct err *err)
{
    const struct text *text = &a->in->text;
    if (!a->in->use_clipboard && check_typed(text, err) < 0)
        return -1;
    display_event_text(&a->events, a->in->use_clipboard ? DISPLAY_PASTE : DISPLAY_TYPE, 0, text->p,
                       text->n);
    return 0;
}

static void key(struct act *a, const struct text *name, bool down)
{
    display_event_text(&a->events, DISPLAY_KEY, down, name->p, name->n);
}

static int press(struct act *a, struct err *err)
{
    (void)err;
    key(a, &a->in->key, true);
    key(a, &a->in->key, false);
    return 0;
}

static int key_down(struct act *a, struct err *err)
{
    (void)err;
    key(a, &a->in->key, true);
    return 0;
}

static int key_up(struct act *a, struct err *err)
{
    (void)err;
    key(a, &a->in->key, false);
    return 0;
}

static int hotkey(struct act *a, struct err *err)
{
    const struct text_list *keys = &a->in->keys;
    if (keys->n == 0)
        return err_field(err, "keys", "field 'keys' names no key");
    for (size_t i = 0; i < keys->n; i++)
        key(a, &keys->items[i], true);
    for (size_t i = keys->n; i > 0; i--)
        key(a, &keys->items[i - 1], false);
    display_event(&a->events, DISPLAY_WAIT, HOTKEY_MS, 0);
    return 0;
}

/* What an action must be given, in words of the request; and which of it the desktop judges. */
struct action {
    int (*build)(struct act *a, struct err *err); /* NULL: nothing to be done on the screen */
    const char *needs[2];
    const char *judged;
};

static const char *const action_names[] = {
    "MOVE_TO",      "MOVE_REL", "CLICK",    "MOUSE_DOWN", "MOUSE_UP", "RIGHT_CLICK",
    "DOUBLE_CLICK", "DRAG_TO",  "DRAG_REL", "SCROLL",     "TYPING",   "PRESS",
    "KEY_DOWN",     "KEY_UP",   "HOTKEY",   "WAIT",       NULL,
};
static const struct action actions[] = {
    {move_to, {"x", "y"}, NULL},
    {move_rel, {"x_offset", "y_offset"}, NULL},
    {any_click, {NULL}, NULL},
    {mouse_down, {NULL}, NULL},
    {mouse_up, {NULL}, NULL},
    {right_click, {NULL}, NULL},
    {double_click, {NULL}, NULL},
    {drag_to, {"x", "y"}, NULL},
    {drag_rel, {"x_offset", "y_offset"}, NULL},
    {scroll, {NULL}, NULL},
    {typing, {"text"}, "text"},
    {press, {"key"}, "key"},
    {key_down, {"key"}, "key"},
    {key_up, {"key"}, "key"},
    {hotkey, {"keys"}, "keys"},
    {NULL, {"duration"}, NULL},
};

static const char *const button_names[] = {"left", "right", "middle", NULL};

static const struct field action_fields[] = {
    {"action_type", FIELD_CHOICE, offsetof(struct action_input, action_type), .required = true,
     .choices = action_names, .doc = "what to do"},
    {"x", FIELD_NUMBER, offsetof(struct action_input, x),
     .doc = "column of the screen, pixels from the left; for clicks: absent, where the pointer is"},
    {"y", FIELD_NUMBER, offsetof(struct action_input, y), .doc = "row, pixels from the top"},
    {"x_offset", FIELD_NUMBER, offsetof(struct action_input, x_offset),
     .doc = "MOVE_REL, DRAG_REL: pixels to the right of the pointer"},
    {"y_offset", FIELD_NUMBER, offsetof(struct action_input, y_offset),
     .doc = "MOVE_REL, DRAG_REL: pixels below the pointer"},
    {"button", FIELD_CHOICE, offsetof(struct action_input, button), .choices = button_names,
     .fallback = "\"left\"", .doc = "CLICK, MOUSE_DOWN, MOUSE_UP"},
    {"num_clicks", FIELD_INT, offsetof(struct action_input, num_clicks), .min = 1, .max = 3,
     .fallback = "1", .doc = "CLICK: 1, 2 or 3"},
    {"dx", FIELD_INT, offsetof(struct action_input, dx), .min = -MAX_SCROLL, .max = MAX_SCROLL,
     .fallback = "0", .doc = "SCROLL: pixels to the right, in whole notches of a wheel"},
    {"dy", FIELD_INT, offsetof(struct action_input, dy), .min = -MAX_SCROLL, .max = MAX_SCROLL,
     .fallback = "0", .doc = "SCROLL: pixels down, in whole notches of a wheel"},
    {"text", FIELD_TEXT, offsetof(struct action_input, text), .min = 1, .max = DISPLAY_MAX_TEXT,
     .doc = "TYPING: any text"},
    {"use_clipboard", FIELD_BOOL, offsetof(struct action_input, use_clipboard), .fallback = "true",
     .doc = "TYPING: paste it by Ctrl+V (quick) instead of typing key by key"},
    {"key", FIELD_TEXT, offsetof(struct action_input, key), .min = 1, .max = 64,
     .doc = "PRESS, KEY_DOWN, KEY_UP: a character or a name such as enter, ctrl, f5, ArrowLeft"},
    {"keys", FIELD_TEXT_LIST, offsetof(struct action_input, keys), .min = 1, .max = 16,
     .doc = "HOTKEY: pressed in this order, released in reverse; programs get 0.1 s to act on it"},
    {"duration", FIELD_NUMBER, offsetof(struct action_input, duration),
     .doc = "WAIT: seconds, at most 60"},
    FIELDS_END,
};

/* ---- doing it ---- */

static const struct action *action_of(const struct act *a)
{
    return &actions[a->in->action_type];
}

static void reply_done(struct act *a)
{
    struct exchange *ex = a->talk.ex;
    const char *name = action_names[a->in->action_type];
    struct jsonw *w = reply_begin(ex, "Action performed");
    jsonw_object(w);
    jsonw_kstr(w, "status", "success");
    jsonw_kstr(w, "action_performed", name);
    jsonw_object_end(w);
    jsonw_kstr(w, "status", "success");
    jsonw_kstr(w, "action_performed", name);
    reply_end(ex);
}

static void on_done(struct desktop_talk *talk, const struct display_status *status,
                    struct bytes *answer)
{
    (void)status;
    (void)answer;
    reply_done((struct act *)talk);
}

static void on_refused(struct desktop_talk *talk, struct err *err)
{
    struct act *a = (struct act *)talk;
    const char *judged = action_of(a)->judged;
    struct err named;
    if (err->kind == ERR_INVALID && judged) {
        (void)err_field(&named, judged, "field '%s': %s", judged, err->text);
        err = &named;
    }
    reply_error(talk->ex, err);
}

static uint64_t time_allowed(const struct act *a)
{
    return DESKTOP_ANSWER_MS + a->in->text.n * TYPE_MS;
}

static void on_screen(struct desktop_talk *talk, const struct display_status *status,
                      struct bytes *answer)
{
    struct act *a = (struct act *)talk;
    struct err err = ERR_INIT;
    (void)answer;
    a->screen = *status;
    a->events = BYTES_INIT(EVENTS);
    talk->answered = on_done;
    talk->failed = on_refused;
    if (action_of(a)->build(a, &err) < 0 ||
        desktop_ask(talk, DISPLAY_INPUT, 0, 0, &a->events, time_allowed(a), &err) < 0)
        reply_error(talk->ex, &err);
    bytes_done(&a->events);
}

static void on_time_up(void *arg)
{
    struct act *a = arg;
    timer_close(a->timer);
    a->timer = NULL;
    reply_done(a);
    exchange_wake(a->talk.ex);
}

static void on_park_end(void *arg, enum park_end why)
{
    struct act *a = arg;
    (void)why;
    timer_close(a->timer);
    a->timer = NULL;
}

static int wait_for(struct act *a, struct err *err)
{
    double seconds = a->in->duration;
    if (!(seconds > 0) || seconds > MAX_SECONDS)
        return err_field(err, "duration", "field 'duration' must be above 0 and at most %d seconds",
                         MAX_SECONDS);
    if (timer_open(exchange_loop(a->talk.ex), on_time_up, a, &a->timer, err) < 0)
        return -1;
    timer_set(a->timer, (uint64_t)(seconds * 1000 + 0.5));
    exchange_park(a->talk.ex, UINT64_C(1000) * (MAX_SECONDS + 1), on_park_end, a);
    return 0;
}

static bool given(const struct action_input *in, const char *name)
{
    for (const struct field *f = action_fields; f->name; f++) {
        const char *at = (const char *)in + f->offset;
        if (strcmp(f->name, name) != 0)
            continue;
        if (f->type == FIELD_NUMBER)
            return !isnan(*(const double *)(const void *)at);
        if (f->type == FIELD_TEXT_LIST)
            return ((const struct text_list *)(const void *)at)->given;
        return ((const struct text *)(const void *)at)->p != NULL;
    }
    return false;
}

static int check(const struct act *a, struct err *err)
{
    const struct action *action = action_of(a);
    for (size_t i = 0; i < COUNT_OF(action->needs) && action->needs[i]; i++)
        if (!given(a->in, action->needs[i]))
            return err_field(err, action->needs[i], "field '%s' is required for %s",
                             action->needs[i], action_names[a->in->action_type]);
    return 0;
}

static int act(struct exchange *ex, struct err *err)
{
    struct act *a = arena_alloc(exchange_arena(ex), sizeof *a);
    if (!a)
        return err_memory(err);
    *a = (struct act){.talk = {.ex = ex, .answered = on_screen}, .in = exchange_input(ex)};
    if (check(a, err) < 0)
        return -1;
    if (!action_of(a)->build)
        return wait_for(a, err);
    return desktop_ask(&a->talk, DISPLAY_STATUS, 0, 0, NULL, DESKTOP_ANSWER_MS, err);
}

const struct route browser_action_routes[] = {
    {"POST", "/v1/browser/actions", SCOPE_DESKTOP, ROUTE_INLINE, act,
     INPUT(action_fields, struct action_input), .body = BODY_JSON, .body_limit = BODY,
     .service = "browser", .also = DESKTOP_SERVICE,
     .audit = {.action = "browser.action", .subject = "action_type", .fold = true},
     .tag = "browser",
     .summary = "Move, click, drag, scroll, type: one action of mouse or keyboard."},
    ROUTES_END,
};
