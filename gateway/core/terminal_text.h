/* core/terminal_text.h: a terminal's output as plain text. Pure; any thread. */
#ifndef SANDGATE_CORE_TERMINAL_TEXT_H
#define SANDGATE_CORE_TERMINAL_TEXT_H

#include "base/bytes.h"

/* Appends `raw` without control sequences (ECMA-48: CSI, OSC and the other escape sequences), with
 * \n line ends. Positions are not followed: a full-screen program's text comes in the order it was
 * drawn. */
void terminal_text(const char *raw, size_t n, struct bytes *out);

#endif
