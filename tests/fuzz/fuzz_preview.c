/* Ports named by Host and header, and addresses moved below a prefix. Input: the header's line, the
 * Host's, then an app's Location or Set-Cookie. */
#include "fuzz.h"

#include <strings.h>

#include "http/mount.h"
#include "http/preview.h"

static void check_name(const char *header, const char *host)
{
    struct preview_name name;
    if (!preview_name_of(header, host, &name))
        return;
    HOLDS(name.n > 0 && strspn(name.digits, "0123456789") >= name.n);
    HOLDS(name.digits == header || name.digits == host);
    uint16_t port = preview_port(name.digits, name.n);
    if (name.n <= 5)
        HOLDS(port ==
              (strtoul(name.digits, NULL, 10) <= UINT16_MAX ? strtoul(name.digits, NULL, 10) : 0));
    if (name.digits == host)
        HOLDS(host[name.n] == '-' && host[name.n + 1]);
}

/* What is moved lies below the mount, and is not moved again. */
static void check_location(const struct mount *m, const char *value)
{
    struct bytes out = BYTES_INIT(1 * MIB), again = BYTES_INIT(1 * MIB);
    if (mount_location(m, value, &out)) {
        const char *text = bytes_text(&out);
        size_t outer = strlen(m->outer), prefix = strlen(m->prefix);
        HOLDS(strncmp(text, m->outer, outer) == 0);
        HOLDS(strncmp(text + outer, m->prefix, prefix) == 0);
        HOLDS(!mount_location(m, text, &again) && again.len == 0);
    } else {
        HOLDS(out.len == 0);
    }
    bytes_done(&out);
    bytes_done(&again);
}

static void check_cookie(const struct mount *m, const char *value)
{
    struct bytes out = BYTES_INIT(1 * MIB), again = BYTES_INIT(1 * MIB);
    if (mount_cookie(m, value, &out)) {
        HOLDS(out.len > strlen(value) &&
              strncmp(bytes_text(&out), value, strcspn(value, ";")) == 0);
        HOLDS(!mount_cookie(m, bytes_text(&out), &again) && again.len == 0);
    } else {
        HOLDS(out.len == 0);
    }
    bytes_done(&out);
    bytes_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    if (!arena)
        abort();
    const char *header = take_until(arena, &data, &size, '\n').p;
    const char *host = take_until(arena, &data, &size, '\n').p;
    const char *value = arena_copy(arena, (const char *)data, size);
    const struct mount mounts[] = {
        {.outer = "", .prefix = "/proxy/3000", .host = host, .public = host, .port = 3000},
        {.outer = "/b", .prefix = "/proxy/1", .host = NULL, .public = "box:8080", .port = 1},
    };
    check_name(header, host);
    check_name(NULL, host);
    for (size_t i = 0; i < COUNT_OF(mounts); i++) {
        check_location(&mounts[i], value);
        check_cookie(&mounts[i], value);
    }
    arena_free(arena);
    return 0;
}
