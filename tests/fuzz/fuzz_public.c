/* The address a client came by, as its headers tell it: what is reflected is never odd. Input:
 * Host, X-Forwarded-Host, -Port, -Proto and -Prefix, a line each; "-" stands for none. */
#include "fuzz.h"

#include "http/public.h"

static const char *hint(struct arena *arena, const uint8_t **data, size_t *size)
{
    struct text line = take_until(arena, data, size, '\n');
    return strcmp(line.p, "-") == 0 ? NULL : line.p;
}

static void check_host(const char *host)
{
    size_t name = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    HOLDS(*host && name <= strlen(host) && !strpbrk(host, " \t\r\n/\\@?#\"'<>&%,"));
    for (size_t i = 0; host[i]; i++)
        HOLDS(host[i] > 0x20 && host[i] < 0x7f);
    if (!host[name])
        return;
    unsigned long port = strtoul(host + name + 1, NULL, 10);
    HOLDS(host[name] == ':' && port > 0 && port <= 65535);
    HOLDS(strspn(host + name + 1, "0123456789") == strlen(host + name + 1));
}

static void check_prefix(const char *prefix)
{
    size_t n = strlen(prefix);
    HOLDS(n == 0 || (prefix[0] == '/' && prefix[1] != '/' && prefix[n - 1] != '/'));
    HOLDS(!strpbrk(prefix, " \t\r\n\\?#\"<>;,") && !strstr(prefix, "/.") &&
          !strcasestr(prefix, "/%2e"));
    HOLDS(n == 0 || public_prefix_valid(prefix, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct public_address a, again;
    if (!arena)
        abort();
    struct public_hints hints = {.host = hint(arena, &data, &size)};
    hints.forwarded_host = hint(arena, &data, &size);
    hints.forwarded_port = hint(arena, &data, &size);
    hints.forwarded_proto = hint(arena, &data, &size);
    hints.forwarded_prefix = hint(arena, &data, &size);
    public_address_decide(&hints, "fallback:1", &a);
    check_host(a.host);
    check_prefix(a.prefix);
    /* What was decided, told to the next one, is decided the same. */
    const struct public_hints told = {.host = "inner",
                                      .forwarded_host = a.host,
                                      .forwarded_proto = a.secure ? "https" : "http",
                                      .forwarded_prefix = a.prefix};
    public_address_decide(&told, "fallback:2", &again);
    HOLDS(again.secure == a.secure && strcmp(again.host, a.host) == 0);
    HOLDS(strcmp(again.prefix, a.prefix) == 0);
    arena_free(arena);
    return 0;
}
