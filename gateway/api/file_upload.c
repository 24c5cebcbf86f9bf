/* Upload: a multipart body streamed to disk.
 *
 * The loop takes the body apart and fills one buffer while a worker writes the other to a draft;
 * when both are full the connection pauses. The draft takes its place when the body is complete, or
 * vanishes. An upload belongs to the loop; while `working`, what the job touches is the worker's.
 */
#include <string.h>

#include "api/app.h"
#include "api/file_transfer.h"
#include "base/multipart.h"
#include "base/utf8.h"
#include "core/file_draft.h"
#include "core/file_io.h"
#include "core/files.h"
#include "http/envelope.h"

#define BUFFER_SIZE (256 * KIB)
/* What feeding n bytes may add beyond n: content held back as a possible boundary. */
#define FEED_SLACK 128
/* Putting the file in its place may mean copying it to another file system. */
#define FINISH_DEADLINE_MS (UINT64_C(60) * 60 * 1000)

enum part { PART_NONE, PART_FILE, PART_PATH, PART_UNKNOWN };

struct upload {
    struct exchange *ex; /* NULL: the client is gone, clean up */
    struct loop *loop;
    struct files *files;
    struct multipart parser;
    uint64_t received;

    enum part part;
    bool has_file, has_path;
    char path[PATH_MAX + 1];
    size_t path_n;
    char filename[MULTIPART_NAME_MAX + 1];
    struct bytes unknown; /* names of parts nobody asked for */

    bool admitted; /* counted among the uploads under way */
    char *buffers[2];
    int filling;
    size_t filled;
    uint64_t size; /* of the file so far */

    bool working, waiting, finishing, finished;
    /* the job's */
    const char *job_data;
    size_t job_n;
    const char *job_path; /* where the file will be, when that is known */
    bool job_commit;
    struct file_draft draft;
    bool failed;
    struct err failure;
};

const struct field upload_fields[] = {
    {.name = "file", .type = FIELD_FILE, .required = true, .doc = "The file, as a multipart part."},
    {.name = "path",
     .type = FIELD_PATH,
     .offset = sizeof(struct text),
     .doc = "Absolute path to store it at; the workspace and the file's own name when empty."},
    FIELDS_END,
};

/* ---- the worker ---- */

static void store(struct upload *u)
{
    int r = 0;
    if (u->draft.fd < 0)
        r = u->job_path ? file_draft_open(u->job_path, &u->draft, &u->failure)
                        : file_draft_open_in(files_workspace(u->files), &u->draft, &u->failure);
    if (r == 0)
        r = file_write_all(u->draft.fd, u->job_data, u->job_n, &u->failure);
    if (r == 0 && u->job_commit)
        r = file_draft_commit(u->files, &u->draft, u->job_path, NULL, &u->failure);
    if (r == 0)
        return;
    u->failed = true;
    file_draft_discard(&u->draft);
}

static void job_work(void *arg)
{
    struct upload *u = arg;
    if (!u->failed)
        store(u);
}

/* Closing an unfinished draft may free gigabytes of disk, which takes its time. */
static void clean_work(void *arg)
{
    struct upload *u = arg;
    file_draft_discard(&u->draft);
}

/* ---- jobs ---- */

static void clean_done(void *arg)
{
    struct upload *u = arg;
    if (u->admitted)
        files_upload_leave(u->files);
    free(u->buffers[0]);
    free(u->buffers[1]);
    bytes_done(&u->unknown);
    free(u);
}

static void clean_up(struct upload *u)
{
    struct err ignored;
    if (u->draft.fd >= 0 && loop_offload(u->loop, clean_work, clean_done, u, &ignored) == 0)
        return;
    clean_work(u);
    clean_done(u);
}

static void abandon(struct upload *u)
{
    if (u->ex)
        exchange_set_state(u->ex, NULL);
    u->ex = NULL;
    if (!u->working)
        clean_up(u);
}

static void answer(struct upload *u);
static void job_done(void *arg);

static int submit(struct upload *u, struct err *err)
{
    u->job_data = u->buffers[u->filling];
    u->job_n = u->filled;
    u->job_commit = u->finishing;
    u->job_path = u->has_path ? u->path : NULL;
    u->filling ^= 1;
    u->filled = 0;
    if (loop_offload(u->loop, job_work, job_done, u, err) < 0)
        return -1;
    u->working = true;
    u->finished = u->job_commit;
    return 0;
}

static void job_done(void *arg)
{
    struct upload *u = arg;
    struct exchange *ex = u->ex;
    u->working = false;
    if (!ex) {
        clean_up(u);
        return;
    }
    if (u->finishing) {
        if (!u->finished && submit(u, &u->failure) == 0)
            return;
        u->failed |= !u->finished;
        answer(u);
        abandon(u);
        exchange_wake(ex);
        return;
    }
    if (u->waiting) {
        u->waiting = false;
        exchange_wake(ex);
    }
}

static void answer(struct upload *u)
{
    struct exchange *ex = u->ex;
    const char *unknown = bytes_text(&u->unknown);
    if (unknown && *unknown)
        reply_hint(ex, unknown);
    if (u->failed) {
        if (file_answer_failure(ex, "upload", u->path, &u->failure) < 0)
            reply_error(ex, &u->failure);
        return;
    }
    struct jsonw *w = reply_begin(ex, "File uploaded successfully");
    jsonw_object(w);
    jsonw_kstr(w, "file_path", u->path);
    jsonw_kint(w, "file_size", (int64_t)u->size);
    jsonw_kbool(w, "success", true);
    jsonw_object_end(w);
    reply_end(ex);
}

/* ---- parts ---- */

/* The last segment; browsers on Windows may send the whole DOS path. */
static void keep_filename(struct upload *u, const char *name)
{
    const char *slash = strrchr(name, '/');
    if (slash)
        name = slash + 1;
    const char *dos = name[0] && name[1] == ':' ? strrchr(name, '\\') : NULL;
    (void)snprintf(u->filename, sizeof u->filename, "%s", dos ? dos + 1 : name);
}

static int open_buffers(struct upload *u, struct err *err)
{
    if (files_upload_enter(u->files, err) < 0)
        return -1;
    u->admitted = true;
    u->buffers[0] = malloc(BUFFER_SIZE);
    u->buffers[1] = malloc(BUFFER_SIZE);
    return u->buffers[0] && u->buffers[1] ? 0 : err_memory(err);
}

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    struct upload *u = arg;
    bool file = strcmp(part->name, "file") == 0, path = strcmp(part->name, "path") == 0;
    if ((file && u->has_file) || (path && u->has_path))
        return err_field(err, part->name, "field '%s' is given twice", part->name);
    u->part = file ? PART_FILE : path ? PART_PATH : PART_UNKNOWN;
    if (u->part == PART_UNKNOWN)
        (void)bytes_printf(&u->unknown, "%s%.64s",
                           u->unknown.len ? ", " : "unknown fields ignored: ", part->name);
    if (file && part->filename)
        keep_filename(u, part->filename);
    u->has_file |= file;
    return file ? open_buffers(u, err) : 0;
}

static int on_data(void *arg, const char *data, size_t n, struct err *err)
{
    struct upload *u = arg;
    if (u->part == PART_PATH) {
        if (n > PATH_MAX - u->path_n)
            return err_field(err, "path", "field 'path' is longer than %d bytes", PATH_MAX - 1);
        memcpy(u->path + u->path_n, data, n);
        u->path_n += n;
    } else if (u->part == PART_FILE) {
        memcpy(u->buffers[u->filling] + u->filled, data, n);
        u->filled += n;
        u->size += n;
    }
    return 0;
}

static int check_path(struct upload *u, struct err *err)
{
    static const struct field fields[] = {{.name = "path", .type = FIELD_PATH}, FIELDS_END};
    struct bytes unknown = BYTES_INIT(64);
    struct text decoded;
    struct text_pair pair = {{"path", 4}, {u->path, u->path_n}};
    u->path[u->path_n] = '\0';
    if (memchr(u->path, '\0', u->path_n))
        return err_field(err, "path", "field 'path' must not hold a NUL character");
    if (!utf8_valid(u->path, u->path_n))
        return err_field(err, "path", "field 'path' is not valid UTF-8");
    return fields_decode_pairs(exchange_arena(u->ex), &pair, 1, fields, &decoded, sizeof decoded,
                               &unknown, err);
}

static int on_end(void *arg, struct err *err)
{
    struct upload *u = arg;
    if (u->part == PART_PATH && u->path_n > 0) {
        if (check_path(u, err) < 0)
            return -1;
        u->has_path = true;
    }
    u->part = PART_NONE;
    return 0;
}

/* ---- the sink ---- */

static int sink_begin(struct exchange *ex, struct err *err)
{
    struct upload *u = calloc(1, sizeof *u);
    if (!u)
        return err_memory(err);
    u->ex = ex;
    u->loop = exchange_loop(ex);
    u->files = app_of(ex)->files;
    u->draft = FILE_DRAFT_NONE;
    u->unknown = bytes_with_limit(1 * KIB);
    if (multipart_init(&u->parser, exchange_header(ex, "Content-Type"), err) < 0) {
        free(u);
        return -1;
    }
    exchange_set_state(ex, u);
    return 0;
}

static int sink_data(struct exchange *ex, const char *data, size_t n, struct err *err)
{
    struct upload *u = exchange_state(ex);
    const struct multipart_events events = {on_begin, on_data, on_end, u};
    if (n > BUFFER_SIZE - FEED_SLACK)
        return err_set(err, ERR_INTERNAL, "a piece of the body is too large");
    if (u->filled + n + FEED_SLACK > BUFFER_SIZE) {
        if (u->working) {
            u->waiting = true;
            return 1;
        }
        if (submit(u, err) < 0)
            return -1;
    }
    u->received += n;
    if (u->received > UPLOAD_MAX)
        return err_set(err, ERR_TOO_LARGE, "the body is larger than %zu bytes", (size_t)UPLOAD_MAX);
    return multipart_feed(&u->parser, data, n, &events, err);
}

static void sink_abort(struct exchange *ex)
{
    struct upload *u = exchange_state(ex);
    if (u)
        abandon(u);
}

const struct body_sink upload_sink = {sink_begin, sink_data, sink_abort};

/* ---- the end ---- */

static int settle_path(struct upload *u, struct err *err)
{
    if (multipart_finish(&u->parser, err) < 0)
        return -1;
    if (!u->has_file)
        return err_field(err, "file", "field 'file' is required");
    if (u->has_path)
        return 0;
    if (!u->filename[0] || strcmp(u->filename, ".") == 0 || strcmp(u->filename, "..") == 0)
        return err_field(err, "file", "field 'file' has no usable file name, and no path is given");
    u->has_path = true;
    return file_join(u->path, files_workspace(u->files), u->filename, err);
}

static void on_park_end(void *arg, enum park_end why)
{
    (void)why;
    abandon(arg);
}

int upload_run(struct exchange *ex, struct err *err)
{
    struct upload *u = exchange_state(ex);
    if (!u)
        return err_set(err, ERR_INTERNAL, "the upload is gone");
    u->finishing = true;
    int settled = settle_path(u, err);
    exchange_audit_subject(ex, u->path, strlen(u->path));
    if (settled < 0 || (!u->working && submit(u, err) < 0)) {
        abandon(u);
        return -1;
    }
    exchange_park(ex, FINISH_DEADLINE_MS, on_park_end, u);
    return 0;
}
