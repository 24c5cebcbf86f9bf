#include "http/mount.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

static bool same(const char *a, size_t n, const char *b)
{
    return b && strlen(b) == n && strncasecmp(a, b, n) == 0;
}

/* A name of the machine the app runs on, with its port. */
static bool is_loopback(const struct mount *m, const char *authority, size_t n)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0"};
    char own[24];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(own, sizeof own, "%s:%u", names[i], m->port);
        if (same(authority, n, own))
            return true;
    }
    return false;
}

/* Where the path begins in an address of the app's; NULL when it is somebody else's. */
static const char *path_of(const struct mount *m, const char *location)
{
    const char *at = location;
    if (strncasecmp(at, "http://", 7) == 0)
        at += 5;
    else if (strncasecmp(at, "https://", 8) == 0)
        at += 6;
    if (strncmp(at, "//", 2) != 0)
        return *at == '/' && at == location ? at : NULL;
    at += 2;
    size_t n = strcspn(at, "/?#");
    bool own = same(at, n, m->host) || same(at, n, m->public) || is_loopback(m, at, n);
    return own ? at + n : NULL;
}

static bool is_below(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 && (!path[n] || strchr("/?#; \t", path[n]));
}

static bool is_below_both(const struct mount *m, const char *path)
{
    size_t n = strlen(m->outer);
    return strncmp(path, m->outer, n) == 0 && is_below(path + n, m->prefix);
}

/* An app that was told its prefix may have written it already, with what is in front or without. */
static void write_path(const struct mount *m, const char *path, size_t n, struct bytes *out)
{
    if (!is_below_both(m, path)) {
        (void)bytes_adds(out, m->outer);
        if (!is_below(path, m->prefix))
            (void)bytes_adds(out, m->prefix);
    }
    if (*path != '/')
        (void)bytes_addc(out, '/');
    (void)bytes_add(out, path, n);
}

bool mount_location(const struct mount *m, const char *location, struct bytes *out)
{
    const char *path = path_of(m, location);
    if (!path || (path == location && is_below_both(m, path)))
        return false;
    write_path(m, path, strlen(path), out);
    return true;
}

/* The value of the attribute "Path", RFC 6265 section 4.1: "…; Path=/x; …"; the last one counts. */
static const char *cookie_path(const char *cookie)
{
    const char *found = NULL;
    for (const char *at = strchr(cookie, ';'); at; at = strchr(at, ';')) {
        at++;
        at += strspn(at, " \t");
        if (strncasecmp(at, "path", 4) != 0)
            continue;
        const char *value = at + 4 + strspn(at + 4, " \t");
        if (*value == '=')
            found = value + 1 + strspn(value + 1, " \t");
    }
    return found;
}

bool mount_cookie(const struct mount *m, const char *cookie, struct bytes *out)
{
    const char *path = cookie_path(cookie);
    if (!path || *path != '/' || is_below_both(m, path))
        return false;
    size_t n = strcspn(path, ";");
    (void)bytes_add(out, cookie, (size_t)(path - cookie));
    write_path(m, path, n, out);
    (void)bytes_adds(out, path + n);
    return true;
}
