#include "desktop/keyboard.h"

#include <X11/keysym.h>
#include <string.h>

#include "desktop/keynames.h"
#include "desktop/loop.h"

static bool is_character(KeySym keysym)
{
    return keysym > 0x20 && !keysym_is_function((uint32_t)keysym);
}

/* Unused by the layout, or bound by an earlier run of this program: the same character twice is
 * what no layout has. */
static bool is_spare(const KeySym *syms, int count)
{
    bool empty = true;
    for (int i = 0; i < count; i++)
        empty = empty && syms[i] == NoSymbol;
    return empty || (count > 1 && syms[0] == syms[1] && is_character(syms[0]));
}

static void find_spares(struct keyboard *keyboard)
{
    Display *display = keyboard->x->display;
    int first, last, width;
    (void)XDisplayKeycodes(display, &first, &last);
    KeySym *syms = XGetKeyboardMapping(display, (KeyCode)first, last - first + 1, &width);
    keyboard->spare_count = 0;
    for (int code = first; syms && code <= last; code++) {
        bool modifier = keyboard->map->map->modmap[code] != 0;
        if (keyboard->spare_count < KEYBOARD_MAX_SPARE && !modifier &&
            is_spare(syms + (code - first) * width, width))
            keyboard->spares[keyboard->spare_count++] = (struct spare){.code = (KeyCode)code};
    }
    if (syms)
        (void)XFree(syms);
}

int keyboard_open(struct keyboard *keyboard, struct xserver *x, struct err *err)
{
    *keyboard = (struct keyboard){.x = x};
    keyboard->map = XkbGetMap(x->display, XkbAllClientInfoMask | XkbModifierMapMask, XkbUseCoreKbd);
    if (!keyboard->map)
        return err_set(err, ERR_UNSUPPORTED, "the X server tells no keyboard map");
    (void)XkbSelectEvents(x->display, XkbUseCoreKbd, XkbMapNotifyMask | XkbNewKeyboardNotifyMask,
                          XkbMapNotifyMask | XkbNewKeyboardNotifyMask);
    find_spares(keyboard);
    return 0;
}

static void set_symbol(struct keyboard *keyboard, KeyCode code, KeySym keysym)
{
    /* Twice: with Shift and without. */
    KeySym syms[2] = {keysym, keysym};
    (void)XChangeKeyboardMapping(keyboard->x->display, code, 2, syms, 1);
    keyboard->stale = true;
}

void keyboard_close(struct keyboard *keyboard)
{
    for (int i = 0; i < keyboard->spare_count; i++)
        if (keyboard->spares[i].keysym)
            set_symbol(keyboard, keyboard->spares[i].code, NoSymbol);
    (void)XSync(keyboard->x->display, False);
    XkbFreeKeyboard(keyboard->map, XkbAllComponentsMask, True);
}

void keyboard_changed(struct keyboard *keyboard, XEvent *event)
{
    if (event->type == MappingNotify)
        (void)XRefreshKeyboardMapping(&event->xmapping);
    keyboard->stale = true;
}

static XkbDescPtr current_map(struct keyboard *keyboard)
{
    if (keyboard->stale) {
        XkbDescPtr map = XkbGetMap(keyboard->x->display, XkbAllClientInfoMask | XkbModifierMapMask,
                                   XkbUseCoreKbd);
        if (map) {
            XkbFreeKeyboard(keyboard->map, XkbAllComponentsMask, True);
            keyboard->map = map;
            keyboard->stale = false;
        }
    }
    return keyboard->map;
}

XkbStateRec keyboard_state(struct keyboard *keyboard)
{
    XkbStateRec state = {0};
    (void)XkbGetState(keyboard->x->display, XkbUseCoreKbd, &state);
    return state;
}

bool keyboard_is_modifier(struct keyboard *keyboard, KeyCode code, unsigned mods)
{
    return (current_map(keyboard)->map->modmap[code] & mods) != 0;
}

static bool find_with(XkbDescPtr map, uint32_t keysym, unsigned mods, int group, KeyCode *ret_code)
{
    unsigned core = XkbBuildCoreState(mods, (unsigned)group), rest;
    for (int code = map->min_key_code; code <= map->max_key_code; code++) {
        KeySym written;
        if (XkbTranslateKeyCode(map, (KeyCode)code, core, &rest, &written) && written == keysym) {
            *ret_code = (KeyCode)code;
            return true;
        }
    }
    return false;
}

bool keyboard_find_key(struct keyboard *keyboard, uint32_t keysym, KeyCode *ret_code)
{
    return find_with(current_map(keyboard), keysym, 0, 0, ret_code);
}

bool keyboard_find_stroke(struct keyboard *keyboard, uint32_t keysym, const XkbStateRec *state,
                          struct stroke *ret_stroke)
{
    XkbDescPtr map = current_map(keyboard);
    KeyCode level3;
    unsigned mods = state->mods & ~KEYBOARD_LEVEL3;
    const unsigned tries[] = {state->mods, mods, mods ^ ShiftMask, mods | KEYBOARD_LEVEL3,
                              (mods ^ ShiftMask) | KEYBOARD_LEVEL3};
    bool has_level3 = keyboard_find_key(keyboard, XK_ISO_Level3_Shift, &level3);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        if (!has_level3 && (tries[i] & KEYBOARD_LEVEL3))
            continue;
        if (find_with(map, keysym, tries[i], state->group, &ret_stroke->code)) {
            ret_stroke->mods = tries[i] & (ShiftMask | KEYBOARD_LEVEL3);
            return true;
        }
    }
    return false;
}

bool keyboard_bind(struct keyboard *keyboard, uint32_t keysym, uint64_t rest_ms)
{
    struct spare *best = NULL;
    for (int i = 0; i < keyboard->spare_count; i++) {
        struct spare *spare = &keyboard->spares[i];
        if (!best || spare->used_ms < best->used_ms)
            best = spare;
    }
    uint64_t now = clock_ms();
    if (!best || (best->keysym && now - best->used_ms < rest_ms))
        return false;
    set_symbol(keyboard, best->code, keysym);
    best->keysym = keysym;
    best->used_ms = now;
    return true;
}

void keyboard_used(struct keyboard *keyboard, KeyCode code)
{
    for (int i = 0; i < keyboard->spare_count; i++)
        if (keyboard->spares[i].code == code)
            keyboard->spares[i].used_ms = clock_ms();
}
