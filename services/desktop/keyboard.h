/* desktop/keyboard.h: which key writes what. Loop thread only.
 *
 * A symbol that no key of the layout writes gets one of the keys the layout leaves unused, and
 * keeps it until the key is needed for another symbol. */
#ifndef SANDGATE_DESKTOP_KEYBOARD_H
#define SANDGATE_DESKTOP_KEYBOARD_H

#include <X11/XKBlib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "desktop/xserver.h"

#define KEYBOARD_MAX_SPARE 64
/* ISO_Level3_Shift acts as this modifier in the layouts of xkeyboard-config. */
#define KEYBOARD_LEVEL3 ((unsigned)Mod5Mask)

/* Without Shift and with. */
struct spare {
    KeyCode code;
    uint32_t keysyms[2]; /* 0: free */
    uint64_t used_ms[2]; /* when it was last bound or pressed */
};

struct keyboard {
    struct xserver *x;
    XkbDescPtr map;
    bool stale, renewed;      /* the map has changed; it is a new one */
    XkbMapChangesRec changes; /* in `map`, and not sent yet */
    struct spare spares[KEYBOARD_MAX_SPARE];
    int spare_count;
};

/* How to write a symbol: with this key, while Shift and Level3 are as `mods` says. */
struct stroke {
    KeyCode code;
    unsigned mods;
};

int keyboard_open(struct keyboard *keyboard, struct xserver *x, struct err *err) MUST_CHECK;
/* Gives the spare keys back. */
void keyboard_close(struct keyboard *keyboard);
/* For XkbMapNotify, XkbNewKeyboardNotify and MappingNotify. */
void keyboard_changed(struct keyboard *keyboard, XEvent *event);

/* The key with this symbol on its cap, unshifted. */
bool keyboard_find_key(struct keyboard *keyboard, uint32_t keysym, KeyCode *ret_code);
/* How to write the symbol, with as little change to the modifiers held as possible. */
bool keyboard_find_stroke(struct keyboard *keyboard, uint32_t keysym, const XkbStateRec *state,
                          struct stroke *ret_stroke);
/* Have a spare key write it. False when all were used only just: who was sent the key events may
 * not have looked up yet what they mean. */
bool keyboard_bind(struct keyboard *keyboard, uint32_t keysym);
/* Tell everybody what was bound; all at once, for programs look at the whole map each time. They
 * have done so a moment after this returns. */
void keyboard_flush(struct keyboard *keyboard);
/* Note that the symbol was written. */
void keyboard_used(struct keyboard *keyboard, uint32_t keysym);

XkbStateRec keyboard_state(struct keyboard *keyboard);
/* Whether the key acts as one of these modifiers. */
bool keyboard_is_modifier(struct keyboard *keyboard, KeyCode code, unsigned mods);

#endif
