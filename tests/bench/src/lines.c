/* lines.c: see lines.h. */
#include "lines.h"

#include <string.h>

static void begin_line(struct lines *lines)
{
    lines->returned = false;
    lines->value = 0;
    lines->digits = true;
    lines->length = 0;
}

void lines_await(struct lines *lines, const char *mark)
{
    lines->mark = mark;
    lines->seen = false;
    lines->counted = 0;
    begin_line(lines);
}

static void end_line(struct lines *lines)
{
    if (lines->digits && lines->value == lines->counted + 1)
        lines->counted++;
    else if (lines->length == strlen(lines->mark) &&
             memcmp(lines->text, lines->mark, lines->length) == 0)
        lines->seen = true;
    begin_line(lines);
}

void lines_feed(struct lines *lines, char c)
{
    if (c == '\n') {
        end_line(lines);
        return;
    }
    if (lines->returned)
        begin_line(lines); /* a carriage return not followed by a newline starts the line over */
    if (c == '\r') {
        lines->returned = true;
        return;
    }
    if (c >= '0' && c <= '9')
        lines->value = lines->value * 10 + (size_t)(c - '0');
    else
        lines->digits = false;
    if (lines->length < LINE_KEPT)
        lines->text[lines->length] = c;
    lines->length++;
}
