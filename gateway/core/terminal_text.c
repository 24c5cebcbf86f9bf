#include "core/terminal_text.h"

#include <stdbool.h>

#define ESC  '\033'
#define BELL '\007'

/* Parameters and intermediates up to a final byte 0x40–0x7E (ECMA-48 section 5.4). */
static size_t skip_csi(const char *raw, size_t n, size_t at)
{
    while (at < n && ((unsigned char)raw[at] < 0x40 || (unsigned char)raw[at] > 0x7e))
        at++;
    return at < n ? at + 1 : n;
}

/* Up to BEL or ST. */
static size_t skip_string(const char *raw, size_t n, size_t at)
{
    while (at < n && raw[at] != BELL && !(raw[at] == ESC && at + 1 < n && raw[at + 1] == '\\'))
        at++;
    if (at < n)
        at += raw[at] == ESC ? 2 : 1;
    return at < n ? at : n;
}

static size_t skip_escape(const char *raw, size_t n, size_t at)
{
    at++;
    if (at == n)
        return n;
    if (raw[at] == '[')
        return skip_csi(raw, n, at + 1);
    if (raw[at] == ']' || raw[at] == 'P' || raw[at] == '_' || raw[at] == '^' || raw[at] == 'X')
        return skip_string(raw, n, at + 1);
    while (at < n && raw[at] >= 0x20 && raw[at] <= 0x2f)
        at++;
    return at < n ? at + 1 : n;
}

/* Whether a carriage return before `at` belongs to a line end or to another one, as it is seen. */
static bool ends_line(const char *raw, size_t n, size_t at)
{
    while (at < n && raw[at] == ESC)
        at = skip_escape(raw, n, at);
    return at == n || raw[at] == '\n' || raw[at] == '\r';
}

void terminal_text(const char *raw, size_t n, struct bytes *out)
{
    size_t plain = 0;
    for (size_t i = 0; i < n;) {
        size_t next = i + 1;
        if (raw[i] == ESC)
            next = skip_escape(raw, n, i);
        else if (!(raw[i] == '\r' && ends_line(raw, n, next)))
            goto keep;
        (void)bytes_add(out, raw + plain, i - plain);
        plain = next;
    keep:
        i = next;
    }
    (void)bytes_add(out, raw + plain, n - plain);
}
