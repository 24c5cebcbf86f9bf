/* Bytes out of and into the sandbox: download here, upload in file_upload.c. */
#include "api/file_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/app.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "http/conditional.h"
#include "http/envelope.h"

/* Files that do not know their size (/proc) are read up to this. */
#define SIZELESS_MAX (16 * MIB)

enum change_policy { CHANGE_IGNORE, CHANGE_ABORT };
static const char *const change_policies[] = {"ignore", "abort", NULL};

struct download {
    struct text path;
    int change_policy;
};

static const struct field download_fields[] = {
    {.name = "path",
     .type = FIELD_PATH,
     .offset = offsetof(struct download, path),
     .required = true,
     .doc = "Absolute path of the file."},
    {.name = "change_policy",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct download, change_policy),
     .choices = change_policies,
     .fallback = "\"ignore\"",
     .doc = "abort: answer 409 when the file changed meanwhile or is open for writing."},
    FIELDS_END,
};

/* ---- failures: HTTP statuses here, not answers ---- */

static int fail_download(const char *path, const struct err *why, struct err *err)
{
    enum err_kind kind = ERR_INTERNAL;
    cleanup_bytes struct bytes message = BYTES_INIT(16 * KIB);
    switch (why->sys) {
    case ENOENT:
    case ENOTDIR:
        kind = ERR_NOT_FOUND;
        break;
    case EACCES:
    case EPERM:
        kind = ERR_FORBIDDEN;
        break;
    case EISDIR:
    case EINVAL:
    case ENXIO:
    case ENODEV:
    case ELOOP:
    case ENAMETOOLONG:
        kind = ERR_SYNTAX;
        break;
    default:
        break;
    }
    file_problem_message(&message, "download", path, why);
    const char *text = bytes_text(&message);
    return err_set(err, kind, "%s", text ? text : why->text);
}

/* Is somebody writing it? A read lease is granted only while nobody is. The signal that would break
 * it is one that is ignored, and it is given back at once. */
static bool open_for_writing(int fd)
{
    bool busy =
        fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return busy;
}

static int check_unchanged(const char *path, int fd, const struct stat *seen, struct err *err)
{
    struct stat now;
    bool same = stat(path, &now) == 0 && now.st_dev == seen->st_dev && now.st_ino == seen->st_ino &&
                now.st_size == seen->st_size && now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
    if (!same)
        return err_set(err, ERR_CONFLICT, "the file changed while it was being read: '%.400s'",
                       path);
    if (open_for_writing(fd))
        return err_set(err, ERR_CONFLICT, "the file is open for writing: '%.400s'", path);
    return 0;
}

/* ---- headers ---- */

/* RFC 6266: a plain name for everyone, and the exact one in RFC 8187's form where they differ. */
static void add_disposition(struct exchange *ex, const char *path)
{
    static const char kept[] = "!#$&+-.^_`|~";
    static const char hex[] = "0123456789ABCDEF";
    const char *name = strrchr(path, '/') + 1;
    cleanup_bytes struct bytes plain = BYTES_INIT(4 * KIB), exact = BYTES_INIT(4 * KIB);
    bool differs = false;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        bool alnum =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        if (*c < 0x20 || *c >= 0x7f || strchr("\"\\%", *c)) {
            differs = true;
            if ((*c & 0xC0) != 0x80) /* one mark per character */
                (void)bytes_addc(&plain, '_');
        } else {
            (void)bytes_addc(&plain, (char)*c);
        }
        if (alnum || strchr(kept, *c)) {
            (void)bytes_addc(&exact, (char)*c);
        } else {
            const char escape[] = {'%', hex[*c >> 4], hex[*c & 15]};
            (void)bytes_add(&exact, escape, sizeof escape);
        }
    }
    cleanup_bytes struct bytes value = BYTES_INIT(8 * KIB);
    const char *text = bytes_text(&plain);
    (void)bytes_printf(&value, "attachment; filename=\"%s\"", text ? text : "");
    text = bytes_text(&exact);
    if (differs)
        (void)bytes_printf(&value, "; filename*=UTF-8''%s", text ? text : "");
    text = bytes_text(&value);
    if (text)
        exchange_add_header(ex, "Content-Disposition", text);
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"csv", "text/csv; charset=utf-8"},
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"xml", "application/xml"},
        {"pdf", "application/pdf"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"tar", "application/x-tar"},
        {"wasm", "application/wasm"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"avif", "image/avif"},
        {"svg", "image/svg+xml"},
        {"ico", "image/x-icon"},
        {"mp3", "audio/mpeg"},
        {"wav", "audio/wav"},
        {"ogg", "audio/ogg"},
        {"mp4", "video/mp4"},
        {"webm", "video/webm"},
        {"woff2", "font/woff2"},
        {"ttf", "font/ttf"},
        {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
        {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    };
    const char *name = strrchr(path, '/'), *dot = strrchr(path, '.');
    for (size_t i = 0; dot && dot > name && i < COUNT_OF(types); i++)
        if (strcasecmp(dot + 1, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* ---- replies ---- */

/* 1: there was content although the size says none, and it is the reply. */
static int reply_sizeless(struct exchange *ex, const char *path, int fd, struct err *err)
{
    struct err why = ERR_INIT;
    struct bytes content = BYTES_INIT(SIZELESS_MAX);
    int r = file_read_whole(fd, &content, &why) < 0 ? -1 : content.len > 0;
    if (r == 1)
        exchange_reply(ex, 200, type_of(path), &content);
    bytes_done(&content);
    return r < 0 ? fail_download(path, &why, err) : r;
}

static int reply_unsatisfiable(struct exchange *ex, uint64_t size, struct err *err)
{
    char range[48];
    struct bytes out = BYTES_INIT(4 * KIB);
    struct jsonw w = jsonw_on(&out);
    (void)err;
    (void)snprintf(range, sizeof range, "bytes */%llu", (unsigned long long)size);
    exchange_add_header(ex, "Content-Range", range);
    jsonw_object(&w);
    jsonw_kbool(&w, "success", false);
    jsonw_kstr(&w, "message", "the range lies outside the file");
    jsonw_knull(&w, "data");
    jsonw_knull(&w, "hint");
    jsonw_object_end(&w);
    reply_json(ex, 416, &out);
    return 0;
}

static int reply_selected(struct exchange *ex, const char *path, int *fd, const struct stat *st,
                          const struct selection *chosen, struct err *err)
{
    char range[80];
    switch (chosen->status) {
    case 304:
        exchange_reply_static(ex, 304, NULL, "", 0);
        return 0;
    case 412:
        return err_set(err, ERR_CONFLICT, "the file is not the one the request is about");
    case 416:
        return reply_unsatisfiable(ex, (uint64_t)st->st_size, err);
    case 206:
        (void)snprintf(
            range, sizeof range, "bytes %llu-%llu/%lld", (unsigned long long)chosen->offset,
            (unsigned long long)(chosen->offset + chosen->length - 1), (long long)st->st_size);
        exchange_add_header(ex, "Content-Range", range);
        break;
    default:
        break;
    }
    exchange_reply_file(ex, chosen->status, type_of(path), steal_fd(fd), chosen->offset,
                        chosen->length);
    return 0;
}

static struct selection select_part(struct exchange *ex, const struct stat *st)
{
    char etag[80], modified[HTTP_DATE_SIZE];
    /* The inode tells versions apart that replaced each other within the clock's grain. */
    (void)snprintf(etag, sizeof etag, "\"%llx-%llx-%llx%08lx\"", (unsigned long long)st->st_size,
                   (unsigned long long)st->st_ino, (unsigned long long)st->st_mtim.tv_sec,
                   (unsigned long)st->st_mtim.tv_nsec);
    http_date_format(modified, st->st_mtim.tv_sec);
    exchange_add_header(ex, "ETag", etag);
    exchange_add_header(ex, "Last-Modified", modified);
    exchange_add_header(ex, "Accept-Ranges", "bytes");
    return conditional_of(ex, etag, st);
}

static int download(struct exchange *ex, struct err *err)
{
    const struct download *in = exchange_input(ex);
    const char *path = in->path.p;
    struct err why = ERR_INIT;
    struct stat st;
    cleanup_close int fd = -1;
    if (file_open_read(path, &fd, &st, &why) < 0)
        return fail_download(path, &why, err);
    if (in->change_policy == CHANGE_ABORT && check_unchanged(path, fd, &st, err) < 0)
        return -1;
    exchange_add_header(ex, "X-Content-Type-Options", "nosniff");
    exchange_add_header(ex, "Cache-Control", "private, no-cache");
    add_disposition(ex, path);
    int r = st.st_size == 0 ? reply_sizeless(ex, path, fd, err) : 0;
    if (r != 0)
        return r < 0 ? -1 : 0;
    struct selection chosen = select_part(ex, &st);
    return reply_selected(ex, path, &fd, &st, &chosen, err);
}

const struct route file_transfer_routes[] = {
    {"POST", "/v1/file/upload", SCOPE_EXEC, ROUTE_INLINE, upload_run, .input = upload_fields,
     .input_size = UPLOAD_INPUT_SIZE, .body = BODY_STREAM, .body_limit = UPLOAD_MAX,
     .sink = &upload_sink, .audit = {.action = "file.upload"}, .tag = "file",
     .summary = "Upload one file as multipart/form-data, streamed to disk; it appears whole."},
    {"GET", "/v1/file/download", SCOPE_READ, ROUTE_BLOCKING, download,
     INPUT(download_fields, struct download), .tag = "file",
     .summary = "Download a file, or one range of it."},
    ROUTES_END,
};
