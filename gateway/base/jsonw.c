#include "base/jsonw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static void separate(struct jsonw *w)
{
    if (w->comma)
        (void)bytes_addc(w->out, ',');
    w->comma = true;
}

static void open_with(struct jsonw *w, char c)
{
    separate(w);
    (void)bytes_addc(w->out, c);
    w->comma = false;
}

static void close_with(struct jsonw *w, char c)
{
    (void)bytes_addc(w->out, c);
    w->comma = true;
}

void jsonw_object(struct jsonw *w)
{
    open_with(w, '{');
}

void jsonw_object_end(struct jsonw *w)
{
    close_with(w, '}');
}

void jsonw_array(struct jsonw *w)
{
    open_with(w, '[');
}

void jsonw_array_end(struct jsonw *w)
{
    close_with(w, ']');
}

void jsonw_key(struct jsonw *w, const char *name)
{
    jsonw_str(w, name);
    (void)bytes_addc(w->out, ':');
    w->comma = false;
}

static void escape(struct bytes *out, unsigned char c)
{
    switch (c) {
    case '"':
        (void)bytes_add(out, "\\\"", 2);
        break;
    case '\\':
        (void)bytes_add(out, "\\\\", 2);
        break;
    case '\n':
        (void)bytes_add(out, "\\n", 2);
        break;
    case '\r':
        (void)bytes_add(out, "\\r", 2);
        break;
    case '\t':
        (void)bytes_add(out, "\\t", 2);
        break;
    default:
        (void)bytes_printf(out, "\\u%04x", c);
    }
}

void jsonw_string_begin(struct jsonw *w)
{
    separate(w);
    (void)bytes_addc(w->out, '"');
}

void jsonw_string_end(struct jsonw *w)
{
    (void)bytes_addc(w->out, '"');
}

void jsonw_piece(struct jsonw *w, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t plain = 0; /* start of the run that can be copied as it is */
    size_t i = 0;
    while (i < n) {
        unsigned char c = p[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        int length = c < 0x80 ? 0 : utf8_sequence(p + i, n - i);
        if (length > 0) {
            i += (size_t)length;
            continue;
        }
        (void)bytes_add(w->out, text + plain, i - plain);
        if (c < 0x80)
            escape(w->out, c);
        else
            (void)bytes_add(w->out, "\xEF\xBF\xBD", 3);
        plain = ++i;
    }
    (void)bytes_add(w->out, text + plain, n - plain);
}

void jsonw_text(struct jsonw *w, const char *text, size_t n)
{
    jsonw_string_begin(w);
    jsonw_piece(w, text, n);
    jsonw_string_end(w);
}

void jsonw_str(struct jsonw *w, const char *text)
{
    if (text)
        jsonw_text(w, text, strlen(text));
    else
        jsonw_null(w);
}

void jsonw_int(struct jsonw *w, int64_t value)
{
    separate(w);
    (void)bytes_printf(w->out, "%lld", (long long)value);
}

void jsonw_number(struct jsonw *w, double value)
{
    if (!isfinite(value)) {
        jsonw_null(w);
        return;
    }
    separate(w);
    (void)bytes_printf(w->out, "%.15g", value);
}

void jsonw_bool(struct jsonw *w, bool value)
{
    jsonw_raw(w, value ? "true" : "false");
}

void jsonw_null(struct jsonw *w)
{
    jsonw_raw(w, "null");
}

void jsonw_raw(struct jsonw *w, const char *json)
{
    separate(w);
    (void)bytes_adds(w->out, json);
}

void jsonw_kstr(struct jsonw *w, const char *name, const char *text)
{
    jsonw_key(w, name);
    jsonw_str(w, text);
}

void jsonw_ktext(struct jsonw *w, const char *name, const char *text, size_t n)
{
    jsonw_key(w, name);
    jsonw_text(w, text, n);
}

void jsonw_kbytes(struct jsonw *w, const char *name, const struct bytes *text)
{
    jsonw_ktext(w, name, text->data ? text->data : "", text->len);
    if (text->failed)
        w->out->failed = true;
    if (text->no_memory)
        w->out->no_memory = true;
}

void jsonw_kint(struct jsonw *w, const char *name, int64_t value)
{
    jsonw_key(w, name);
    jsonw_int(w, value);
}

void jsonw_knumber(struct jsonw *w, const char *name, double value)
{
    jsonw_key(w, name);
    jsonw_number(w, value);
}

void jsonw_kbool(struct jsonw *w, const char *name, bool value)
{
    jsonw_key(w, name);
    jsonw_bool(w, value);
}

void jsonw_knull(struct jsonw *w, const char *name)
{
    jsonw_key(w, name);
    jsonw_null(w);
}
