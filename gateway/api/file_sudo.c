/* Operations on files as root: `sudo -n OURSELVES file-op NAME` does the same operation, decoding
 * the same request by the same table. What comes back is one line of head and then text:
 *
 *   sandgate-file-op KIND ERRNO FIELD    KIND: "ok", or the err_kind's number
 *   MESSAGE                              the rest of the line
 *   JSON                                 data, or nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "api/file_ops.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "core/files.h"
#include "io/spawn.h"

#define MARK       "sandgate-file-op"
#define ANSWER_MAX (192 * MIB)

/* ---- the caller ---- */

static int refused(struct err *err)
{
    (void)err_set(err, ERR_SYSTEM, "Operation not permitted: sudo is not permitted here");
    err->sys = EPERM;
    return -1;
}

/* Cuts the line off at the front of *at; NULL when there is none. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line;
}

static int parse_answer(struct bytes *answer, struct file_outcome *ret, struct err *err)
{
    char field[64];
    int kind, number;
    if (!bytes_text(answer))
        return err_memory(err);
    char *at = answer->data;
    char *head = strncmp(at, MARK " ", sizeof MARK) == 0 ? next_line(&at) : NULL;
    char *message = head ? next_line(&at) : NULL;
    if (!message)
        return refused(err);
    if (strcmp(head, MARK " ok") == 0 || strcmp(head, MARK " failed") == 0) {
        *ret = (struct file_outcome){strcmp(head, MARK " ok") == 0, message, at};
        return 0;
    }
    if (sscanf(head, MARK " %d %d %63s", &kind, &number, field) != 3)
        return refused(err);
    (void)err_set(err, (enum err_kind)kind, "%s", message);
    err->sys = number;
    if (strcmp(field, "-") != 0)
        (void)snprintf(err->field, sizeof err->field, "%s", field);
    return -1;
}

int file_sudo_run(const struct file_op *op, struct text body, struct bytes *answer,
                  struct file_outcome *ret_outcome, struct err *err)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                              "LC_ALL=C.UTF-8", NULL};
    static const char sudo[] = "/usr/bin/sudo";
    char self[PATH_MAX];
    struct exit_status status;
    cleanup_bytes struct bytes complaints = BYTES_INIT(64 * KIB);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0 || access(sudo, X_OK) < 0)
        return refused(err);
    self[n] = '\0';
    const char *const argv[] = {sudo, "-n", "--", self, "file-op", op->name, NULL};
    struct spawn_spec spec = {.argv = argv, .envp = environment, .cwd = "/", .stdio = {-1, -1, -1}};
    if (spawn_wait(&spec, body.p, body.n, answer, &complaints, SUDO_DEADLINE_MS, &status, err) < 0)
        return -1;
    if (answer->failed)
        return err_set(err, ERR_TOO_LARGE, "the answer is larger than fits");
    return parse_answer(answer, ret_outcome, err);
}

/* ---- the privileged side ---- */

struct privileged {
    const struct file_op *op;
    struct loop *loop;
    struct files *files;
    struct bytes body, data, out;
};

static void put_error(struct privileged *p, const struct err *err)
{
    (void)bytes_printf(&p->out, MARK " %d %d %s\n%s\n", (int)err->kind, err->sys,
                       err->field[0] ? err->field : "-", err->text);
}

static void put_outcome(struct privileged *p, const char *verdict, const char *message)
{
    (void)bytes_printf(&p->out, MARK " %s\n", verdict);
    for (const char *c = message; *c; c++)
        (void)bytes_addc(&p->out, *c == '\n' ? ' ' : *c);
    (void)bytes_addc(&p->out, '\n');
    (void)bytes_add(&p->out, p->data.data, p->data.len);
}

static void put_failure(struct privileged *p, const char *path, const struct err *err)
{
    struct file_problem problem;
    cleanup_bytes struct bytes message = BYTES_INIT(16 * KIB);
    if (!file_problem_of(err, &problem)) {
        put_error(p, err);
        return;
    }
    file_problem_message(&message, p->op->name, path, err);
    const char *text = bytes_text(&message);
    bytes_clear(&p->data);
    struct jsonw w = jsonw_on(&p->data);
    file_problem_write(&w, p->op->name, path, text ? text : "", err);
    put_outcome(p, "failed", text ? text : "");
}

/* On a worker: searching waits for a child, which the loop reaps. */
static void operate(void *arg)
{
    struct privileged *p = arg;
    struct err err = ERR_INIT;
    cleanup_bytes struct bytes unknown = BYTES_INIT(4 * KIB);
    struct arena *arena = arena_new();
    void *input = arena ? arena_alloc(arena, p->op->size) : NULL;
    struct jsonw w = jsonw_on(&p->data);
    if (!input)
        (void)err_memory(&err);
    else if (json_decode(arena, p->body.data, p->body.len, p->op->fields, input, p->op->size,
                         &unknown, &err) == 0) {
        if (p->op->run(p->files, input, &w, &err) == 0)
            put_outcome(p, "ok", p->op->done);
        else
            put_failure(p, file_op_path(p->op, input), &err);
    }
    if (p->out.len == 0)
        put_error(p, &err);
    arena_free(arena);
}

static void finished(void *arg)
{
    loop_stop(((struct privileged *)arg)->loop);
}

static int serve(struct privileged *p, struct err *err)
{
    struct children *children = NULL;
    int r = loop_open(&p->loop, err);
    if (r == 0)
        r = children_open(p->loop, &children, err);
    if (r == 0)
        r = files_open("", "", &p->files, err);
    if (r == 0)
        r = loop_offload(p->loop, operate, finished, p, err);
    if (r == 0)
        loop_run(p->loop);
    if (p->loop)
        loop_close(p->loop);
    if (children)
        children_close(children);
    files_close(p->files);
    return r;
}

int file_op_main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct privileged p = {
        .op = argc == 3 ? file_op_find_privileged(argv[2]) : NULL,
        .body = BYTES_INIT(128 * MIB),
        .data = BYTES_INIT(ANSWER_MAX),
        .out = BYTES_INIT(ANSWER_MAX),
    };
    if (!p.op) {
        (void)fprintf(stderr, "sandgate: file-op takes the name of one operation\n");
        return 2;
    }
    if (file_read_whole(STDIN_FILENO, &p.body, &err) < 0 || serve(&p, &err) < 0)
        put_error(&p, &err);
    int r = p.out.failed ? -1 : file_write_all(STDOUT_FILENO, p.out.data, p.out.len, &err);
    bytes_done(&p.body);
    bytes_done(&p.data);
    bytes_done(&p.out);
    return r < 0 ? 1 : 0;
}
