#include "core/kernel_outputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_walk.h"
#include "base/utf8.h"

#define GROWTH 16

enum kind { KIND_STDOUT, KIND_STDERR, KIND_RICH, KIND_ERROR };
static const char *const stream_names[] = {[KIND_STDOUT] = "stdout", [KIND_STDERR] = "stderr"};

struct kernel_output {
    enum kind kind;
    struct bytes text;     /* of a stream; else the whole output as JSON */
    size_t head;           /* of a stream that was cut: what comes before the gap */
    uint64_t gap;          /* and how much is missing there */
    char *display, *trace; /* display_id as written; an error's traceback as written */
};

/* ---- the list ---- */

static void clear_item(struct kernel_output *item)
{
    bytes_done(&item->text);
    free(item->display);
    free(item->trace);
}

static void clear_all(struct kernel_outputs *o)
{
    for (size_t i = 0; i < o->n; i++)
        clear_item(&o->items[i]);
    o->n = o->text = o->rich = 0;
    o->dropped = 0;
    o->cut = o->clear_next = o->error = false;
}

void kernel_outputs_done(struct kernel_outputs *o)
{
    clear_all(o);
    free(o->items);
    *o = (struct kernel_outputs){.items = NULL};
}

/* NULL when there is no room. */
static struct kernel_output *add_item(struct kernel_outputs *o, enum kind kind, size_t ceiling)
{
    if (o->n == OUTPUTS_MAX) {
        o->cut = true;
        return NULL;
    }
    if (!o->items || o->n == o->room) {
        size_t room = o->room ? o->room * 2 : GROWTH;
        struct kernel_output *items = realloc(o->items, room * sizeof *items);
        if (!items) {
            o->cut = true;
            return NULL;
        }
        o->items = items;
        o->room = room;
    }
    struct kernel_output *item = &o->items[o->n++];
    *item = (struct kernel_output){.kind = kind, .text = bytes_with_limit(ceiling)};
    o->error = kind == KIND_ERROR;
    return item;
}

/* ---- streams ---- */

static size_t at_boundary(const struct bytes *text, size_t at)
{
    while (at < text->len && ((unsigned char)text->data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* Drop the middle: the first half of the ceiling stays, and the last. */
static void cut_stream(struct kernel_outputs *o, struct kernel_output *item)
{
    size_t before = item->text.len;
    if (!item->gap)
        item->head =
            at_boundary(&item->text, before / 2 < OUTPUTS_TEXT / 2 ? before / 2 : OUTPUTS_TEXT / 2);
    else if (before - item->head < KIB)
        item->head = at_boundary(&item->text, item->head / 2);
    size_t tail = at_boundary(&item->text, item->head + (before - item->head) / 2);
    memmove(item->text.data + item->head, item->text.data + tail, before - tail);
    item->text.len = item->head + before - tail;
    item->gap += tail - item->head;
    o->text -= tail - item->head;
    o->dropped += tail - item->head;
    o->cut = true;
}

/* The largest pays, so that what others have said stays. */
static bool cut_largest(struct kernel_outputs *o)
{
    struct kernel_output *largest = NULL;
    for (size_t i = 0; i < o->n; i++)
        if (o->items[i].kind <= KIND_STDERR &&
            (!largest || o->items[i].text.len > largest->text.len))
            largest = &o->items[i];
    if (largest)
        cut_stream(o, largest);
    return largest != NULL;
}

static void take_stream(struct kernel_outputs *o, struct text content)
{
    cleanup_bytes struct bytes name = BYTES_INIT(64);
    (void)kernel_string(content, "name", &name);
    enum kind kind =
        name.len == 6 && memcmp(name.data, "stderr", 6) == 0 ? KIND_STDERR : KIND_STDOUT;
    struct kernel_output *item = o->n ? &o->items[o->n - 1] : NULL;
    if (!item || item->kind != kind)
        item = add_item(o, kind, 2 * OUTPUTS_TEXT + OUTPUTS_RICH);
    if (!item)
        return;
    size_t before = item->text.len;
    (void)kernel_string(content, "text", &item->text);
    item->text.failed = false;
    o->text += item->text.len - before;
    while (o->text > OUTPUTS_TEXT && cut_largest(o))
        continue;
}

/* ---- what is passed on as it was written ---- */

static void add_raw(struct bytes *out, struct text raw)
{
    if (utf8_valid(raw.p, raw.n)) {
        (void)bytes_add(out, raw.p, raw.n);
        return;
    }
    for (size_t i = 0; i < raw.n;) {
        int n = utf8_sequence((const unsigned char *)raw.p + i, raw.n - i);
        (void)(n > 0 ? bytes_add(out, raw.p + i, (size_t)n) : bytes_adds(out, "\xef\xbf\xbd"));
        i += n > 0 ? (size_t)n : 1;
    }
}

static void add_member(struct bytes *out, struct text content, const char *name, const char *absent)
{
    struct text raw;
    if (json_member(content.p, content.n, name, &raw) != 1)
        raw = (struct text){absent, strlen(absent)};
    (void)bytes_printf(out, ",\"%s\":", name);
    add_raw(out, raw);
}

static char *copy_member(struct text object, const char *name)
{
    struct text raw;
    cleanup_bytes struct bytes out = BYTES_INIT(OUTPUTS_RICH);
    if (json_member(object.p, object.n, name, &raw) != 1)
        return NULL;
    add_raw(&out, raw);
    return bytes_take(&out, &(size_t){0});
}

static void finish_rich(struct kernel_outputs *o, struct kernel_output *item)
{
    if (!item->text.failed && o->rich + item->text.len <= OUTPUTS_RICH) {
        o->rich += item->text.len;
        return;
    }
    o->cut = true;
    clear_item(item);
    o->n--;
}

static char *display_id(struct text content)
{
    struct text transient;
    return json_member(content.p, content.n, "transient", &transient) == 1
               ? copy_member(transient, "display_id")
               : NULL;
}

static void write_display(struct bytes *out, const char *type, struct text content)
{
    (void)bytes_printf(out, "{\"output_type\":\"%s\"", type);
    add_member(out, content, "data", "{}");
    add_member(out, content, "metadata", "{}");
    if (strcmp(type, "execute_result") == 0)
        add_member(out, content, "execution_count", "null");
    (void)bytes_adds(out, "}");
}

static void take_display(struct kernel_outputs *o, const char *type, struct text content)
{
    struct kernel_output *item = add_item(o, KIND_RICH, OUTPUTS_RICH);
    if (!item)
        return;
    item->display = display_id(content);
    write_display(&item->text, type, content);
    finish_rich(o, item);
}

/* What was shown under that id is shown anew, in its place. */
static void take_update(struct kernel_outputs *o, struct text content)
{
    char *id = display_id(content);
    for (size_t i = 0; id && i < o->n; i++) {
        struct kernel_output *item = &o->items[i];
        cleanup_bytes struct bytes text = BYTES_INIT(OUTPUTS_RICH);
        if (!item->display || strcmp(item->display, id) != 0)
            continue;
        write_display(&text, "display_data", content);
        if (text.failed || o->rich - item->text.len + text.len > OUTPUTS_RICH) {
            o->cut = true;
            continue;
        }
        o->rich = o->rich - item->text.len + text.len;
        struct bytes old = item->text;
        item->text = text;
        text = old;
    }
    free(id);
}

static void take_error(struct kernel_outputs *o, struct text content)
{
    struct kernel_output *item = add_item(o, KIND_ERROR, OUTPUTS_RICH);
    if (!item)
        return;
    (void)bytes_adds(&item->text, "{\"output_type\":\"error\"");
    add_member(&item->text, content, "ename", "\"\"");
    add_member(&item->text, content, "evalue", "\"\"");
    add_member(&item->text, content, "traceback", "[]");
    (void)bytes_adds(&item->text, "}");
    item->trace = copy_member(content, "traceback");
    finish_rich(o, item);
}

void kernel_outputs_fail(struct kernel_outputs *o, const char *ename, const char *evalue)
{
    cleanup_bytes struct bytes content = BYTES_INIT(4 * KIB);
    struct jsonw w = jsonw_on(&content);
    jsonw_object(&w);
    jsonw_kstr(&w, "ename", ename);
    jsonw_kstr(&w, "evalue", evalue);
    jsonw_key(&w, "traceback");
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (!content.failed)
        take_error(o, (struct text){content.data, content.len});
}

void kernel_outputs_take(struct kernel_outputs *o, const struct kernel_message *m)
{
    struct text raw;
    bool clear = kernel_text_is(m->type, "clear_output");
    bool shown = kernel_text_is(m->type, "display_data");
    bool result = kernel_text_is(m->type, "execute_result");
    bool stream = kernel_text_is(m->type, "stream"), error = kernel_text_is(m->type, "error");
    if (o->clear_next && (shown || result || stream || error))
        clear_all(o);
    if (clear && json_member(m->content.p, m->content.n, "wait", &raw) == 1 && raw.p[0] == 't')
        o->clear_next = true;
    else if (clear)
        clear_all(o);
    else if (stream)
        take_stream(o, m->content);
    else if (shown)
        take_display(o, "display_data", m->content);
    else if (result)
        take_display(o, "execute_result", m->content);
    else if (error)
        take_error(o, m->content);
    else if (kernel_text_is(m->type, "update_display_data"))
        take_update(o, m->content);
}

/* ---- telling ---- */

static void write_text(const struct kernel_output *item, struct jsonw *w)
{
    char gap[64];
    if (item->gap) {
        (void)snprintf(gap, sizeof gap, "\n[… %llu bytes left out …]\n",
                       (unsigned long long)item->gap);
        jsonw_piece(w, item->text.data, item->head);
        jsonw_piece(w, gap, strlen(gap));
    }
    jsonw_piece(w, item->text.data + item->head, item->text.len - item->head);
}

void kernel_outputs_write(const struct kernel_outputs *o, struct jsonw *w)
{
    for (size_t i = 0; i < o->n; i++) {
        struct kernel_output *item = &o->items[i];
        if (item->kind > KIND_STDERR) {
            const char *json = bytes_text(&item->text);
            jsonw_raw(w, json ? json : "null");
            continue;
        }
        if (!item->text.len)
            continue;
        jsonw_object(w);
        jsonw_kstr(w, "output_type", "stream");
        jsonw_kstr(w, "name", stream_names[item->kind]);
        jsonw_key(w, "text");
        jsonw_string_begin(w);
        write_text(item, w);
        jsonw_string_end(w);
        jsonw_object_end(w);
    }
}

void kernel_outputs_write_stream(const struct kernel_outputs *o, const char *name, struct jsonw *w)
{
    jsonw_key(w, name);
    jsonw_string_begin(w);
    for (size_t i = 0; i < o->n; i++)
        if (o->items[i].kind <= KIND_STDERR && strcmp(stream_names[o->items[i].kind], name) == 0 &&
            o->items[i].text.len)
            write_text(&o->items[i], w);
    jsonw_string_end(w);
}

const char *kernel_outputs_traceback(const struct kernel_outputs *o)
{
    const char *trace = NULL;
    for (size_t i = 0; i < o->n; i++)
        if (o->items[i].trace)
            trace = o->items[i].trace;
    return trace;
}
