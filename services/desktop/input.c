#include "desktop/input.h"

#include <X11/extensions/XTest.h>
#include <X11/keysym.h>

#include "desktop/keynames.h"

#define MAX_CHANGES 16

/* Modifier keys changed for the moment of a stroke. */
struct changes {
    struct {
        KeyCode code;
        bool down;
    } list[MAX_CHANGES];
    int count;
};

static void fake_key(struct input *input, KeyCode code, bool down)
{
    (void)XTestFakeKeyEvent(input->x->display, code, down, CurrentTime);
}

static int clamp(int value, int limit)
{
    return value < 0 ? 0 : value >= limit ? limit - 1 : value;
}

void input_move(struct input *input, int x, int y)
{
    (void)XTestFakeMotionEvent(input->x->display, -1, clamp(x, input->screen->width),
                               clamp(y, input->screen->height), CurrentTime);
}

void input_button(struct input *input, struct input_source *source, int button, bool down)
{
    unsigned bit = 1u << (button - 1);
    (void)XTestFakeButtonEvent(input->x->display, (unsigned)button, down, CurrentTime);
    source->buttons = down ? source->buttons | bit : source->buttons & ~bit;
}

void input_pointer(struct input *input, struct input_source *source, unsigned buttons, int x, int y)
{
    input_move(input, x, y);
    for (int i = 0; i < 8; i++) {
        unsigned bit = 1u << i;
        if ((buttons ^ source->buttons) & bit)
            input_button(input, source, i + 1, (buttons & bit) != 0);
    }
    (void)XFlush(input->x->display);
}

static void change(struct input *input, struct changes *changes, KeyCode code, bool down)
{
    if (changes->count == MAX_CHANGES)
        return;
    fake_key(input, code, down);
    changes->list[changes->count].code = code;
    changes->list[changes->count].down = down;
    changes->count++;
}

static void release_modifier(struct input *input, struct changes *changes, unsigned mod)
{
    char down[32];
    (void)XQueryKeymap(input->x->display, down);
    for (int code = 8; code < 256; code++)
        if ((down[code / 8] >> (code % 8) & 1) &&
            keyboard_is_modifier(input->keyboard, (KeyCode)code, mod))
            change(input, changes, (KeyCode)code, false);
}

static void set_modifier(struct input *input, struct changes *changes, unsigned have, unsigned want,
                         unsigned mod, uint32_t keysym)
{
    KeyCode code;
    if (!((have ^ want) & mod))
        return;
    if (!(want & mod))
        release_modifier(input, changes, mod);
    else if (keyboard_find_key(input->keyboard, keysym, &code))
        change(input, changes, code, true);
}

static void begin_stroke(struct input *input, struct changes *changes, const struct stroke *stroke,
                         const XkbStateRec *state)
{
    changes->count = 0;
    set_modifier(input, changes, state->mods, stroke->mods, ShiftMask, XK_Shift_L);
    set_modifier(input, changes, state->mods, stroke->mods, KEYBOARD_LEVEL3, XK_ISO_Level3_Shift);
}

static void end_stroke(struct input *input, struct changes *changes)
{
    while (changes->count > 0) {
        changes->count--;
        fake_key(input, changes->list[changes->count].code, !changes->list[changes->count].down);
    }
}

/* Keys that write nothing are looked for by what is on them. */
static bool find_stroke(struct input *input, uint32_t keysym, const XkbStateRec *state,
                        struct stroke *ret_stroke)
{
    ret_stroke->mods = state->mods & (ShiftMask | KEYBOARD_LEVEL3);
    if (keysym_is_function(keysym) && keyboard_find_key(input->keyboard, keysym, &ret_stroke->code))
        return true;
    return keyboard_find_stroke(input->keyboard, keysym, state, ret_stroke);
}

/* What is not in the layout is put there. */
static bool make_stroke(struct input *input, uint32_t keysym, const XkbStateRec *state,
                        struct stroke *ret_stroke)
{
    if (find_stroke(input, keysym, state, ret_stroke))
        return true;
    bool bound = keyboard_bind(input->keyboard, keysym);
    keyboard_flush(input->keyboard);
    return bound && find_stroke(input, keysym, state, ret_stroke);
}

enum input_offer input_prepare(struct input *input, uint32_t keysym)
{
    struct stroke stroke;
    XkbStateRec state = keyboard_state(input->keyboard);
    if (find_stroke(input, keysym, &state, &stroke)) {
        keyboard_used(input->keyboard, keysym);
        return INPUT_THERE;
    }
    return keyboard_bind(input->keyboard, keysym) ? INPUT_SOON : INPUT_NOT_NOW;
}

static int held_at(const struct input_source *source, uint32_t keysym)
{
    for (int i = 0; i < source->held_count; i++)
        if (source->held[i].keysym == keysym)
            return i;
    return -1;
}

static void release_held(struct input *input, struct input_source *source, int at)
{
    fake_key(input, source->held[at].code, false);
    source->held[at] = source->held[--source->held_count];
}

static void press(struct input *input, struct input_source *source, uint32_t keysym,
                  const struct stroke *stroke, const XkbStateRec *state)
{
    struct changes changes;
    begin_stroke(input, &changes, stroke, state);
    fake_key(input, stroke->code, true);
    end_stroke(input, &changes);
    keyboard_used(input->keyboard, keysym);
    source->held[source->held_count].keysym = keysym;
    source->held[source->held_count].code = stroke->code;
    source->held_count++;
}

/* Whether the event is dealt with already: a key that comes up, or is down as it is. The server
 * repeats keys by itself. */
static bool is_settled(struct input *input, struct input_source *source, uint32_t keysym, bool down)
{
    int at = held_at(source, keysym);
    if (!down && at >= 0)
        release_held(input, source, at);
    return !down || at >= 0 || source->held_count == INPUT_MAX_HELD;
}

bool input_key(struct input *input, struct input_source *source, uint32_t keysym, bool down)
{
    struct stroke stroke;
    if (is_settled(input, source, keysym, down))
        return true;
    XkbStateRec state = keyboard_state(input->keyboard);
    if (keyboard_find_key(input->keyboard, keysym, &stroke.code))
        stroke.mods = state.mods & (ShiftMask | KEYBOARD_LEVEL3);
    else if (!make_stroke(input, keysym, &state, &stroke))
        return false;
    press(input, source, keysym, &stroke, &state);
    return true;
}

bool input_symbol(struct input *input, struct input_source *source, uint32_t keysym, bool down)
{
    struct stroke stroke;
    bool done = is_settled(input, source, keysym, down);
    /* A viewer's locks are in the symbols it sends. */
    if (!done && keysym != XK_Caps_Lock && keysym != XK_Num_Lock && keysym != XK_Shift_Lock) {
        XkbStateRec state = keyboard_state(input->keyboard);
        done = make_stroke(input, keysym, &state, &stroke);
        if (done)
            press(input, source, keysym, &stroke, &state);
    }
    (void)XFlush(input->x->display);
    return done;
}

bool input_type(struct input *input, uint32_t keysym)
{
    struct stroke stroke;
    struct changes changes;
    XkbStateRec state = keyboard_state(input->keyboard);
    if (!make_stroke(input, keysym, &state, &stroke))
        return false;
    begin_stroke(input, &changes, &stroke, &state);
    fake_key(input, stroke.code, true);
    fake_key(input, stroke.code, false);
    end_stroke(input, &changes);
    keyboard_used(input->keyboard, keysym);
    return true;
}

bool input_has_arrived(struct input *input, const struct input_source *source)
{
    static const unsigned masks[] = {Button1Mask, Button2Mask, Button3Mask};
    Window window;
    int ignored;
    unsigned down = 0;
    (void)XQueryPointer(input->x->display, input->x->root, &window, &window, &ignored, &ignored,
                        &ignored, &ignored, &down);
    for (int i = 0; i < 3; i++)
        if ((down & masks[i]) && !(source->buttons & 1u << i))
            return false;
    return true;
}

void input_release_all(struct input *input, struct input_source *source)
{
    while (source->held_count > 0)
        release_held(input, source, source->held_count - 1);
    for (int button = 1; button <= 8; button++)
        if (source->buttons & 1u << (button - 1))
            input_button(input, source, button, false);
    (void)XFlush(input->x->display);
}
