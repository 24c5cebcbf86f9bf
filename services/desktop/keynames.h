/* desktop/keynames.h: what people and programs call keys, as keysyms (X11 protocol, appendix A).
 * Pure. */
#ifndef SANDGATE_DESKTOP_KEYNAMES_H
#define SANDGATE_DESKTOP_KEYNAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character ("a", "é", "+"), a name as PyAutoGUI, Playwright or X11 have it ("ctrl", "Control",
 * "Control_L", "enter", "ArrowUp", "f5", …; upper and lower case alike), or -1. */
int keyname_find(const char *name, size_t n, uint32_t *ret_keysym);

/* The keysym of a character; line feed and carriage return are Enter, tab is Tab, backspace and
 * escape those keys. 0 for what no key can mean. */
uint32_t keysym_of_character(uint32_t character);

/* Whether the key does something rather than write a character: such a key is the same key whatever
 * Shift says. */
bool keysym_is_function(uint32_t keysym);

/* The character that begins at `text`; *ret_n bytes. `text` is valid UTF-8 and not empty. */
uint32_t utf8_character(const char *text, size_t n, size_t *ret_n);

#endif
