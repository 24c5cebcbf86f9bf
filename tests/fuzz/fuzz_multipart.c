/* The multipart parser. Input: the Content-Type's line, a byte that says how the body is cut, then
 * the body. Fed whole and in pieces, the parser must tell the same story. */
#include "fuzz.h"

#include "base/multipart.h"
#include "base/utf8.h"

struct story {
    struct bytes text; /* what happened, in a form that can be compared */
    bool open;
    struct bytes content; /* of the open part */
    const char *delimiter;
};

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    struct story *s = arg;
    (void)err;
    HOLDS(!s->open);
    s->open = true;
    HOLDS(utf8_valid(part->name, strlen(part->name)));
    HOLDS(strlen(part->name) <= MULTIPART_NAME_MAX);
    (void)bytes_printf(&s->text, "begin %s\n", part->name);
    if (part->filename) {
        HOLDS(utf8_valid(part->filename, strlen(part->filename)));
        HOLDS(strlen(part->filename) <= MULTIPART_NAME_MAX);
        (void)bytes_printf(&s->text, "file %s\n", part->filename);
    }
    return 0;
}

static int on_data(void *arg, const char *data, size_t n, struct err *err)
{
    struct story *s = arg;
    (void)err;
    HOLDS(s->open && n > 0);
    return bytes_add(&s->content, data, n);
}

static int on_end(void *arg, struct err *err)
{
    struct story *s = arg;
    (void)err;
    HOLDS(s->open);
    s->open = false;
    /* No delimiter can be inside a part. */
    HOLDS(!s->content.len ||
          !memmem(s->content.data, s->content.len, s->delimiter, strlen(s->delimiter)));
    (void)bytes_add(&s->text, s->content.data, s->content.len);
    (void)bytes_adds(&s->text, "\nend\n");
    bytes_clear(&s->content);
    return 0;
}

/* 0: a whole form; the story is in *s either way. */
static int tell(struct multipart *mp, const char *body, size_t n, size_t piece, struct story *s)
{
    struct multipart_events events = {on_begin, on_data, on_end, s};
    struct err err = ERR_INIT;
    s->delimiter = mp->delimiter;
    for (size_t at = 0; at < n; at += piece) {
        char *copy = malloc(piece); /* a block of its own, so that nothing is read beyond it */
        size_t take = n - at < piece ? n - at : piece;
        if (!copy)
            abort();
        memcpy(copy, body + at, take);
        int r = multipart_feed(mp, copy, take, &events, &err);
        free(copy);
        if (r < 0) {
            HOLDS(err.kind == ERR_SYNTAX || err.kind == ERR_TOO_LARGE);
            return -1;
        }
    }
    if (multipart_finish(mp, &err) < 0)
        return -1;
    HOLDS(!s->open);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct story whole = {BYTES_INIT(4 * MIB), false, BYTES_INIT(4 * MIB), NULL};
    struct story pieces = {BYTES_INIT(4 * MIB), false, BYTES_INIT(4 * MIB), NULL};
    static struct multipart one, many;
    struct err err = ERR_INIT;
    if (!arena)
        return 0;
    struct text type = take_until(arena, &data, &size, '\n');
    if (multipart_init(&one, type.p, &err) == 0 && size > 0) {
        HOLDS(one.delimiter_n > 4 && one.delimiter_n <= 4 + MULTIPART_BOUNDARY_MAX);
        many = one;
        const char *body = (const char *)data + 1;
        size_t piece = data[0] % 64U + 1, n = size - 1;
        int r = tell(&one, body, n, n ? n : 1, &whole);
        HOLDS(r == tell(&many, body, n, piece, &pieces));
        HOLDS(whole.text.len == pieces.text.len);
        HOLDS(!whole.text.len || memcmp(whole.text.data, pieces.text.data, whole.text.len) == 0);
    }
    bytes_done(&whole.text);
    bytes_done(&whole.content);
    bytes_done(&pieces.text);
    bytes_done(&pieces.content);
    arena_free(arena);
    return 0;
}
