/* desktop/input.h: pointer and keys, as if somebody used them, by XTest. Loop thread only.
 *
 * Each who uses them is a source: what a source holds down is released when it leaves. */
#ifndef SANDGATE_DESKTOP_INPUT_H
#define SANDGATE_DESKTOP_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "desktop/keyboard.h"
#include "desktop/screen.h"

#define INPUT_MAX_HELD 32

struct input {
    struct xserver *x;
    struct keyboard *keyboard;
    const struct screen *screen;
};

struct input_source {
    struct {
        uint32_t keysym;
        KeyCode code;
    } held[INPUT_MAX_HELD];
    int held_count;
    unsigned buttons; /* bit 0 is button 1 */
};

void input_move(struct input *input, int x, int y);
/* `button` from 1 */
void input_button(struct input *input, struct input_source *source, int button, bool down);
/* Whether the buttons let go of are up for everybody. The window manager looks at each press before
 * it is passed on; meanwhile keys would overtake it. */
bool input_has_arrived(struct input *input, const struct input_source *source);
/* RFB's way: where the pointer is and which buttons are down. */
void input_pointer(struct input *input, struct input_source *source, unsigned buttons, int x,
                   int y);

/* What the key with this symbol does is what is meant: with modifiers held it is a shortcut. Only a
 * symbol that needs Shift gets it. False when no key can have the symbol now. */
bool input_key(struct input *input, struct input_source *source, uint32_t keysym, bool down);
/* Whether a key writes the symbol already; if not, one is asked to, which the programs on the
 * screen notice a moment later. */
enum input_offer { INPUT_THERE, INPUT_SOON, INPUT_NOT_NOW };
enum input_offer input_prepare(struct input *input, uint32_t keysym);
/* The symbol is what is meant, as RFB says it: modifiers are changed for the moment where the
 * layout here differs from the viewer's. */
bool input_symbol(struct input *input, struct input_source *source, uint32_t keysym, bool down);
/* Down and up. */
bool input_type(struct input *input, uint32_t keysym);
void input_release_all(struct input *input, struct input_source *source);

#endif
