/* The settings of an upstream proxy: whatever they are, nothing of them becomes part of the script
 * or of a command line but host names. Input: server, include and exclude, a line each. */
#include "fuzz.h"

#include "core/proxy_pac.h"

static void check_script(const struct bytes *out)
{
    const char *text = out->data;
    HOLDS(!out->failed && memmem(text, out->len, "FindProxyForURL", 15));
    for (size_t i = 0; i < out->len; i++)
        HOLDS(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
    HOLDS(!memmem(text, out->len, "*/", 2) && !memmem(text, out->len, "</", 2));
    size_t quotes = 0;
    for (size_t i = 0; i < out->len; i++)
        quotes += text[i] == '"';
    HOLDS(quotes % 2 == 0);
}

static void check_word(const struct bytes *out)
{
    for (size_t i = 0; i < out->len; i++)
        HOLDS(out->data[i] > 0x20 && out->data[i] < 0x7f && !strchr("\"'\\`$|&", out->data[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes script = BYTES_INIT(4 * MIB), word = BYTES_INIT(1 * MIB);
    struct err err = ERR_INIT;
    struct arena *arena = arena_new();
    if (!arena)
        abort();
    struct proxy_settings settings = {.server = take_until(arena, &data, &size, '\n').p};
    settings.include = take_until(arena, &data, &size, '\n').p;
    settings.exclude = take_until(arena, &data, &size, '\n').p;
    if (proxy_pac_write(&settings, &script, &err) == 0)
        check_script(&script);
    else
        HOLDS(err.text[0] && err.field[0]);
    if (*settings.server && proxy_server_write(settings.server, &word, &err) == 0)
        HOLDS(strstr(bytes_text(&word), "://") != NULL);
    check_word(&word);
    bytes_clear(&word);
    if (proxy_bypass_write(settings.exclude, &word, &err) == 0)
        check_word(&word);
    bytes_done(&script);
    bytes_done(&word);
    arena_free(arena);
    return 0;
}
