#include "http/assets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "http/conditional.h"
#include "http/envelope.h"
#include "http/negotiate.h"

#define POLICY                                                                                     \
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "           \
    "connect-src 'self' ws: wss:; frame-ancestors 'self'"

struct coding {
    const char *name, *suffix;
};

/* In order of preference where the client has none. */
static const struct coding codings[] = {{"br", ".br"}, {"gzip", ".gz"}, {"identity", ""}};
#define CODINGS COUNT_OF(codings)

struct asset {
    int fd;
    struct stat st;
    const struct coding *coding;
};

const char *asset_type(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".gif", "image/gif"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".woff", "font/woff"},
        {".ttf", "font/ttf"},
        {".wasm", "application/wasm"},
        {".txt", "text/plain; charset=utf-8"},
        {".md", "text/markdown; charset=utf-8"},
        {".xml", "application/xml"},
        {".pdf", "application/pdf"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < COUNT_OF(types); i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

bool asset_name_is_hashed(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = strchr(slash ? slash : name, '.');
    if (!dot || dot - name < 9 || dot[-9] != '-')
        return false;
    for (const char *p = dot - 8; p < dot; p++)
        if (!((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')))
            return false;
    return true;
}

void assets_add_security_headers(struct exchange *ex)
{
    exchange_add_header(ex, "Content-Security-Policy", POLICY);
    exchange_add_header(ex, "X-Content-Type-Options", "nosniff");
    exchange_add_header(ex, "Referrer-Policy", "same-origin");
}

/* ---- finding the file ---- */

/* One step down from `at`, which this closes. */
static int step(int at, const char *name, size_t n, bool last)
{
    char part[NAME_MAX + 1];
    int fd = -1;
    bool dots = (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.');
    if (n > 0 && n < sizeof part && !dots) {
        memcpy(part, name, n);
        part[n] = '\0';
        /* O_NONBLOCK: a FIFO must not hold us up; it is refused by its type afterwards. */
        int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
        fd = openat(at, part, flags | O_NOFOLLOW | O_CLOEXEC);
    }
    (void)close(at);
    return fd;
}

/* -1 when there is no such file below `directory`. */
static int open_below(const char *directory, const char *name)
{
    int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0) {
        size_t n = strcspn(name, "/");
        bool last = name[n] == '\0';
        fd = step(fd, name, n, last);
        if (last)
            break;
        name += n + 1;
    }
    return fd;
}

static bool open_coded(const char *directory, const char *name, const struct coding *coding,
                       struct asset *ret_asset)
{
    char full[PATH_MAX];
    struct asset a = {.coding = coding};
    int n = snprintf(full, sizeof full, "%s%s", name, coding->suffix);
    if (n < 0 || (size_t)n >= sizeof full)
        return false;
    a.fd = open_below(directory, full);
    if (a.fd < 0)
        return false;
    if (fstat(a.fd, &a.st) < 0 || !S_ISREG(a.st.st_mode)) {
        (void)close(a.fd);
        return false;
    }
    *ret_asset = a;
    return true;
}

/* The most wanted coding there is; the plain file where none is wanted, which is better than none.
 * A coded sibling without its plain file is not an asset. */
static bool open_asset(const char *directory, const char *name, const char *accept,
                       struct asset *ret_asset)
{
    bool tried[CODINGS] = {false};
    struct asset plain;
    if (!open_coded(directory, name, &codings[CODINGS - 1], &plain))
        return false;
    for (;;) {
        size_t best = CODINGS;
        int most = 0;
        for (size_t i = 0; i < CODINGS; i++) {
            int quality = tried[i] ? 0 : coding_quality(accept, codings[i].name);
            if (quality > most) {
                most = quality;
                best = i;
            }
        }
        if (best >= CODINGS - 1) {
            *ret_asset = plain;
            return true;
        }
        tried[best] = true;
        if (open_coded(directory, name, &codings[best], ret_asset)) {
            (void)close(plain.fd);
            return true;
        }
    }
}

/* ---- the reply ---- */

static void add_headers(struct exchange *ex, const struct asset *a, const char *name,
                        enum asset_keep keep, const char *etag)
{
    char date[HTTP_DATE_SIZE];
    bool for_ever = keep == ASSET_BY_NAME && asset_name_is_hashed(name);
    http_date_format(date, a->st.st_mtim.tv_sec);
    assets_add_security_headers(ex);
    exchange_add_header(ex, "ETag", etag);
    exchange_add_header(ex, "Last-Modified", date);
    exchange_add_header(ex, "Vary", "Accept-Encoding");
    exchange_add_header(ex, "Accept-Ranges", "bytes");
    exchange_add_header(ex, "Cache-Control", for_ever ? "max-age=31536000, immutable" : "no-cache");
    if (a->coding->suffix[0])
        exchange_add_header(ex, "Content-Encoding", a->coding->name);
}

static void add_content_range(struct exchange *ex, const struct selection *s, uint64_t size)
{
    char text[96];
    if (s->status == 206)
        (void)snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)s->offset,
                       (unsigned long long)(s->offset + s->length - 1), (unsigned long long)size);
    else
        (void)snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
    exchange_add_header(ex, "Content-Range", text);
}

int assets_reply(struct exchange *ex, const char *directory, const char *name, enum asset_keep keep,
                 struct err *err)
{
    struct asset a;
    char etag[ETAG_SIZE];
    if (!open_asset(directory, name, exchange_header(ex, "Accept-Encoding"), &a))
        return err_set(err, ERR_NOT_FOUND, "there is no such file");
    etag_format(etag, (uint64_t)a.st.st_size, a.st.st_mtim,
                a.coding->suffix[0] ? a.coding->name : NULL);
    struct selection s = conditional_of(ex, etag, &a.st);
    /* A refusal must not be kept under the file's address. */
    add_headers(ex, &a, name, s.status >= 400 ? ASSET_REVALIDATE : keep, etag);
    if (s.status == 206 || s.status == 416)
        add_content_range(ex, &s, (uint64_t)a.st.st_size);
    if (s.status == 200 || s.status == 206) {
        exchange_reply_file(ex, s.status, asset_type(name), a.fd, s.offset, s.length);
        return 0;
    }
    (void)close(a.fd);
    exchange_reply_static(ex, s.status, s.status == 304 ? NULL : "text/plain", "", 0);
    return 0;
}
