/* What a kernel says: whatever it shows, the answer made of it is JSON in valid UTF-8, and bounded.
 * A line is the type of a message, the next one its content. */
#include "fuzz.h"

#include "base/json_walk.h"
#include "base/utf8.h"
#include "core/kernel_outputs.h"

static bool is_json(const struct bytes *text)
{
    struct json_walk w;
    struct text raw;
    enum json_token token;
    json_walk_begin(&w, text->data, text->len);
    do
        token = json_walk_next(&w, &raw);
    while (token != JSON_BAD && token != JSON_END);
    /* What is nested as deeply as the walk allows is one deeper in the answer. */
    return token == JSON_END || w.depth >= JSON_WALK_DEPTH - 2;
}

static void parse(struct arena *arena, const uint8_t *data, size_t size)
{
    struct text parts[8];
    struct kernel_message m;
    struct err err;
    size_t n = 0;
    while (size && n < 8)
        parts[n++] = take_until(arena, &data, &size, '\n');
    if (kernel_message_parse("key", parts, n, &m, &err) == 0)
        HOLDS(m.type.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel_outputs outputs = {.items = NULL};
    struct bytes out = BYTES_INIT(256 * MIB);
    struct jsonw w = jsonw_on(&out);
    struct arena *arena = arena_new();
    HOLDS(arena != NULL);
    parse(arena, data, size);
    while (size) {
        struct kernel_message m = {.type = take_until(arena, &data, &size, '\n')};
        m.content = take_until(arena, &data, &size, '\n');
        kernel_outputs_take(&outputs, &m);
        HOLDS(outputs.n <= OUTPUTS_MAX && outputs.text <= OUTPUTS_TEXT &&
              outputs.rich <= OUTPUTS_RICH);
    }
    jsonw_array(&w);
    kernel_outputs_write(&outputs, &w);
    jsonw_array_end(&w);
    HOLDS(!out.failed && is_json(&out) && utf8_valid(out.data, out.len));
    bytes_done(&out);
    kernel_outputs_done(&outputs);
    arena_free(arena);
    return 0;
}
