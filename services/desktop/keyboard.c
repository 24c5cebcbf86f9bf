#include "desktop/keyboard.h"

#include <X11/Xatom.h>
#include <X11/keysym.h>
#include <stddef.h>
#include <string.h>

#include "desktop/loop.h"

/* A key is left alone for so long after it was used. */
#define REST_MS 400

static bool is_empty(const KeySym *syms, int count)
{
    for (int i = 0; i < count; i++)
        if (syms[i] != NoSymbol)
            return false;
    return true;
}

/* The spare keys are noted on the root window: a run that was killed leaves them with symbols. */
static Atom note_name(struct keyboard *keyboard)
{
    return XInternAtom(keyboard->x->display, "_SANDGATE_SPARE_KEYS", False);
}

static void read_note(struct keyboard *keyboard, bool noted[static 256])
{
    Atom type;
    int format;
    unsigned long count = 0, left;
    unsigned char *codes = NULL;
    memset(noted, 0, 256 * sizeof *noted);
    if (XGetWindowProperty(keyboard->x->display, keyboard->x->root, note_name(keyboard), 0, 64,
                           False, XA_CARDINAL, &type, &format, &count, &left, &codes) != Success)
        return;
    for (unsigned long i = 0; format == 8 && i < count; i++)
        noted[codes[i]] = true;
    if (codes)
        (void)XFree(codes);
}

static void write_note(struct keyboard *keyboard)
{
    unsigned char codes[KEYBOARD_MAX_SPARE];
    for (int i = 0; i < keyboard->spare_count; i++)
        codes[i] = keyboard->spares[i].code;
    (void)XChangeProperty(keyboard->x->display, keyboard->x->root, note_name(keyboard), XA_CARDINAL,
                          8, PropModeReplace, codes, keyboard->spare_count);
}

/* What the key is to us, by its symbols now: our own ones, none at all, or one of the layout's.
 * `noted`: the latter are an earlier run's. */
static bool look_at_key(const struct keyboard *keyboard, int code, const KeySym *syms, int width,
                        bool noted, struct spare *ret_spare)
{
    for (int i = 0; i < keyboard->spare_count; i++) {
        const struct spare *spare = &keyboard->spares[i];
        if (spare->code == code && spare->keysyms[0] && spare->keysyms[0] == syms[0]) {
            *ret_spare = *spare;
            return true;
        }
    }
    *ret_spare = (struct spare){.code = (KeyCode)code};
    return noted || is_empty(syms, width);
}

/* Also when the server has told of a new keyboard: that may be another layout, or only that XTest's
 * keyboard was used after another. */
static void find_spares(struct keyboard *keyboard, const bool noted[static 256])
{
    Display *display = keyboard->x->display;
    struct spare found[KEYBOARD_MAX_SPARE];
    int first, last, width, count = 0;
    (void)XDisplayKeycodes(display, &first, &last);
    KeySym *syms = XGetKeyboardMapping(display, (KeyCode)first, last - first + 1, &width);
    for (int code = first; syms && code <= last && count < KEYBOARD_MAX_SPARE; code++)
        if (keyboard->map->map->modmap[code] == 0 &&
            look_at_key(keyboard, code, syms + (ptrdiff_t)(code - first) * width, width,
                        noted[code], &found[count]))
            count++;
    if (syms)
        (void)XFree(syms);
    memcpy(keyboard->spares, found, (size_t)count * sizeof *found);
    keyboard->spare_count = count;
    write_note(keyboard);
}

int keyboard_open(struct keyboard *keyboard, struct xserver *x, struct err *err)
{
    *keyboard = (struct keyboard){.x = x};
    keyboard->map = XkbGetMap(x->display, XkbAllClientInfoMask | XkbModifierMapMask, XkbUseCoreKbd);
    if (!keyboard->map)
        return err_set(err, ERR_UNSUPPORTED, "the X server tells no keyboard map");
    (void)XkbSelectEvents(x->display, XkbUseCoreKbd, XkbMapNotifyMask | XkbNewKeyboardNotifyMask,
                          XkbMapNotifyMask | XkbNewKeyboardNotifyMask);
    bool noted[256];
    read_note(keyboard, noted);
    find_spares(keyboard, noted);
    return 0;
}

/* Xlib notes a change of a key's type, but not of its symbols alone. */
static void note_change(XkbMapChangesRec *changes, int code)
{
    int first = code, last = code;
    if (changes->changed & XkbKeySymsMask) {
        int end = changes->first_key_sym + changes->num_key_syms - 1;
        first = changes->first_key_sym < code ? changes->first_key_sym : code;
        last = end > code ? end : code;
    }
    changes->changed |= XkbKeySymsMask;
    changes->first_key_sym = (KeyCode)first;
    changes->num_key_syms = (unsigned char)(last - first + 1);
}

static void write_symbols(struct keyboard *keyboard, const struct spare *spare)
{
    int type = XkbTwoLevelIndex;
    int groups = spare->keysyms[0] ? 1 : 0;
    if (XkbChangeTypesOfKey(keyboard->map, spare->code, groups, XkbGroup1Mask, &type,
                            &keyboard->changes) != Success)
        return;
    note_change(&keyboard->changes, spare->code);
    if (groups) {
        KeySym *syms = XkbKeySymsPtr(keyboard->map, spare->code);
        syms[0] = spare->keysyms[0];
        syms[1] = spare->keysyms[1];
    }
}

void keyboard_flush(struct keyboard *keyboard)
{
    if (keyboard->changes.changed)
        (void)XkbChangeMap(keyboard->x->display, keyboard->map, &keyboard->changes);
    memset(&keyboard->changes, 0, sizeof keyboard->changes);
}

void keyboard_close(struct keyboard *keyboard)
{
    for (int i = 0; i < keyboard->spare_count; i++) {
        struct spare empty = {.code = keyboard->spares[i].code};
        if (keyboard->spares[i].keysyms[0])
            write_symbols(keyboard, &empty);
    }
    keyboard_flush(keyboard);
    (void)XSync(keyboard->x->display, False);
    XkbFreeKeyboard(keyboard->map, XkbAllComponentsMask, True);
}

void keyboard_changed(struct keyboard *keyboard, XEvent *event)
{
    if (event->type == MappingNotify)
        (void)XRefreshKeyboardMapping(&event->xmapping);
    else if (((const XkbAnyEvent *)event)->xkb_type == XkbNewKeyboardNotify)
        keyboard->renewed = true;
    keyboard->stale = true;
}

static XkbDescPtr current_map(struct keyboard *keyboard)
{
    if (keyboard->stale && !keyboard->changes.changed) {
        XkbDescPtr map = XkbGetMap(keyboard->x->display, XkbAllClientInfoMask | XkbModifierMapMask,
                                   XkbUseCoreKbd);
        if (map) {
            XkbFreeKeyboard(keyboard->map, XkbAllComponentsMask, True);
            keyboard->map = map;
            keyboard->stale = false;
        }
        if (keyboard->renewed) {
            static const bool none[256];
            keyboard->renewed = false;
            find_spares(keyboard, none);
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

/* The key that was left alone for longest, and of its two places the one that was. */
static struct spare *oldest_spare(struct keyboard *keyboard, int *ret_place)
{
    struct spare *oldest = NULL;
    uint64_t oldest_ms = UINT64_MAX;
    for (int i = 0; i < keyboard->spare_count; i++) {
        struct spare *spare = &keyboard->spares[i];
        int later = spare->used_ms[1] > spare->used_ms[0];
        if (spare->used_ms[later] < oldest_ms) {
            oldest = spare;
            oldest_ms = spare->used_ms[later];
            *ret_place = !later;
        }
    }
    /* Of a key without symbols the first place is used first. */
    if (oldest && !oldest->keysyms[0])
        *ret_place = 0;
    return oldest;
}

bool keyboard_bind(struct keyboard *keyboard, uint32_t keysym)
{
    int place = 0;
    (void)current_map(keyboard);
    struct spare *spare = oldest_spare(keyboard, &place);
    uint64_t now = clock_ms();
    if (!spare || (spare->keysyms[place] && now - spare->used_ms[place] < REST_MS))
        return false;
    spare->keysyms[place] = keysym;
    spare->used_ms[place] = now;
    write_symbols(keyboard, spare);
    return true;
}

void keyboard_used(struct keyboard *keyboard, uint32_t keysym)
{
    for (int i = 0; i < keyboard->spare_count * 2; i++)
        if (keyboard->spares[i / 2].keysyms[i % 2] == keysym)
            keyboard->spares[i / 2].used_ms[i % 2] = clock_ms();
}
