#include "core/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "io/zmtp.h"

/* Between two attempts to connect, and to be heard on all channels. */
#define CONNECT_MS 8
#define GREET_MS   100
/* What a kernel that is asked to end may take. */
#define GENTLE_MS 1000
#define SAID_MAX  (4 * KIB)
#define MARK      "SANDGATE_KERNEL"

/* Sockets are numbered as jupyter_client does it: IP-PORT. */
static const char *const port_names[] = {[KERNEL_SHELL] = "shell_port",
                                         [KERNEL_CONTROL] = "control_port",
                                         [KERNEL_IOPUB] = "iopub_port"};
#define PORT_STDIN 4
#define PORT_BEAT  5

struct channel {
    struct kernel *kernel;
    struct zmtp *zmtp;
    bool open;
};

struct kernel {
    struct loop *loop;
    struct kernel_hooks hooks;
    struct child *child; /* NULL: reaped */
    struct tree tree;
    struct channel channels[KERNEL_CHANNELS];
    struct timer *timer;  /* start: the next attempt; end: the KILL */
    uint64_t due;         /* by when it must be ready */
    bool heard, answered; /* on iopub; on shell */
    bool ready, by_message, broken, closed;
    int said_fd; /* its standard error, for the reason of an early end */
    struct watch *said_watch;
    struct bytes said;
    char *base, *mark; /* path of its files, "DIR/k1a2b" */
    char key[IDENT_SIZE], name[IDENT_SIZE];
};

/* ---- files ---- */

static void remove_files(const struct kernel *k)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s.json", k->base);
    (void)unlink(path);
    for (int i = 1; i <= PORT_BEAT; i++) {
        (void)snprintf(path, sizeof path, "%s-%d", k->base, i);
        (void)unlink(path);
    }
}

static int write_connection_file(const struct kernel *k, const char *path, struct err *err)
{
    cleanup_bytes struct bytes text = BYTES_INIT(SAID_MAX);
    struct jsonw w = jsonw_on(&text);
    jsonw_object(&w);
    jsonw_kstr(&w, "transport", "ipc");
    jsonw_kstr(&w, "ip", k->base);
    jsonw_kstr(&w, "key", k->key);
    jsonw_kstr(&w, "signature_scheme", "hmac-sha256");
    for (int i = 0; i < KERNEL_CHANNELS; i++)
        jsonw_kint(&w, port_names[i], i + 1);
    jsonw_kint(&w, "stdin_port", PORT_STDIN);
    jsonw_kint(&w, "hb_port", PORT_BEAT);
    jsonw_object_end(&w);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || text.failed || write(fd, text.data, text.len) != (ssize_t)text.len)
        return err_errno(err, errno, "cannot write %s", path);
    return 0;
}

/* ---- the end ---- */

static void close_channels(struct kernel *k)
{
    for (int i = 0; i < KERNEL_CHANNELS; i++) {
        zmtp_close(k->channels[i].zmtp);
        k->channels[i].zmtp = NULL;
        k->channels[i].open = false;
    }
}

static void close_said(struct kernel *k)
{
    watch_close(k->said_watch);
    k->said_watch = NULL;
    if (k->said_fd >= 0)
        (void)close(k->said_fd);
    k->said_fd = -1;
}

static void kernel_free(struct kernel *k)
{
    close_channels(k);
    close_said(k);
    timer_close(k->timer);
    if (k->base)
        remove_files(k);
    bytes_done(&k->said);
    free(k->base);
    free(k->mark);
    free(k);
}

static void kill_now(struct kernel *k)
{
    if (k->tree.mark)
        (void)tree_kill(&k->tree, SIGKILL);
}

/* The last line of its standard error that holds something. */
static const char *last_words(struct kernel *k)
{
    const char *text = bytes_text(&k->said);
    size_t n = k->said.len;
    if (!text)
        return "";
    while (n && strchr(" \r\n\t", text[n - 1]))
        k->said.data[--n] = '\0';
    const char *line = strrchr(text, '\n');
    return line ? line + 1 : text;
}

static void describe(struct kernel *k, struct exit_status status, char *out, size_t size)
{
    const char *line = k->ready ? "" : last_words(k);
    if (status.signaled)
        (void)snprintf(out, size, "the kernel was ended by signal %d (SIG%s)%s", status.signal,
                       sigabbrev_np(status.signal), status.out_of_memory ? ": out of memory" : "");
    else
        (void)snprintf(out, size, "the kernel %s with exit code %d%s%.200s",
                       k->ready ? "ended" : "ended while it started", status.code,
                       *line ? ": " : "", line);
}

static void read_said(struct kernel *k);

static void on_exit_of(void *arg, struct exit_status status)
{
    struct kernel *k = arg;
    char why[300];
    k->child = NULL;
    kill_now(k);
    if (k->closed) {
        kernel_free(k);
        return;
    }
    read_said(k);
    describe(k, status, why, sizeof why);
    close_channels(k);
    timer_stop(k->timer);
    k->ready = false;
    k->hooks.ended(k->hooks.arg, why);
}

static void on_kill(struct kernel *k)
{
    kill_now(k);
    timer_set(k->timer, GENTLE_MS);
}

void kernel_close(struct kernel *k, bool gently)
{
    struct err err;
    char id[IDENT_SIZE];
    static const char content[] = "{\"restart\":false}";
    if (!k || k->closed)
        return;
    k->closed = true;
    if (!k->child) {
        kernel_free(k);
        return;
    }
    if (gently && k->ready &&
        kernel_send(k, KERNEL_CONTROL, "shutdown_request",
                    (struct text){content, sizeof content - 1}, id, &err) == 0) {
        timer_set(k->timer, GENTLE_MS);
        return;
    }
    kill_now(k);
    timer_set(k->timer, GENTLE_MS);
}

void kernel_interrupt(struct kernel *k)
{
    struct err err;
    char id[IDENT_SIZE];
    if (!k->child)
        return;
    if (!k->by_message)
        (void)kill(-k->tree.session, SIGINT);
    else if (kernel_send(k, KERNEL_CONTROL, "interrupt_request", (struct text){"{}", 2}, id, &err) <
             0)
        log_debug("kernel: %s", err.text);
}

/* ---- what it says ---- */

static void read_said(struct kernel *k)
{
    char chunk[1024];
    for (int i = 0; i < 8 && k->said_fd >= 0; i++) {
        ssize_t n = read(k->said_fd, chunk, sizeof chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close_said(k);
            return;
        }
        if (k->said.len + (size_t)n > SAID_MAX)
            bytes_consume(&k->said, k->said.len + (size_t)n - SAID_MAX);
        (void)bytes_add(&k->said, chunk, (size_t)n);
    }
}

static void on_said(void *arg, unsigned events)
{
    (void)events;
    read_said(arg);
}

/* It can be spoken to once it has answered and is heard on iopub too, where nothing is kept for
 * those who come late. */
static void settle(struct kernel *k, int which, const struct kernel_message *m)
{
    k->heard |= which == KERNEL_IOPUB;
    k->answered |= which == KERNEL_SHELL && kernel_text_is(m->type, "kernel_info_reply");
    if (!k->heard || !k->answered)
        return;
    k->ready = true;
    timer_stop(k->timer);
    k->hooks.ready(k->hooks.arg);
}

static void on_message(void *arg, const struct text *parts, size_t n)
{
    struct channel *c = arg;
    struct kernel *k = c->kernel;
    struct kernel_message m;
    struct err err;
    int which = (int)(c - k->channels);
    if (k->closed)
        return;
    if (kernel_message_parse(k->key, parts, n, &m, &err) < 0) {
        log_debug("kernel: %s", err.text);
        return;
    }
    if (!k->ready)
        settle(k, which, &m);
    else
        k->hooks.message(k->hooks.arg, (enum kernel_channel)which, &m);
}

/* Its process is about to end; one that lives on is of no use. */
static void on_broken(void *arg, const char *why)
{
    struct channel *c = arg;
    log_debug("kernel: %s", why);
    c->open = false;
    c->kernel->broken = true;
    zmtp_close(c->zmtp);
    c->zmtp = NULL;
    timer_set(c->kernel->timer, GENTLE_MS);
}

static void on_opened(void *arg)
{
    struct channel *c = arg;
    c->open = true;
    if (!c->kernel->closed && !c->kernel->broken)
        timer_set(c->kernel->timer, 0);
}

int kernel_send(struct kernel *k, enum kernel_channel channel, const char *type,
                struct text content, char ret_id[IDENT_SIZE], struct err *err)
{
    struct kernel_outgoing m;
    struct channel *c = &k->channels[channel];
    if (!c->open)
        return err_set(err, ERR_UNAVAILABLE, "the kernel is not connected");
    if (kernel_message_make(k->key, k->name, type, content, &m, err) < 0)
        return -1;
    int r = zmtp_send(c->zmtp, m.parts, KERNEL_PARTS, err);
    (void)snprintf(ret_id, IDENT_SIZE, "%s", m.id);
    kernel_message_done(&m);
    return r;
}

/* ---- the start ---- */

/* False while it does not listen there yet. */
static bool connect_channel(struct kernel *k, int which)
{
    struct channel *c = &k->channels[which];
    struct address address = {.port = 0};
    struct err err;
    if (c->zmtp)
        return true;
    (void)snprintf(address.path, sizeof address.path, "%s-%d", k->base, which + 1);
    struct zmtp_spec spec = {
        .loop = k->loop,
        .address = &address,
        .kind = which == KERNEL_IOPUB ? ZMTP_SUB : ZMTP_DEALER,
        .ceiling = KERNEL_MESSAGE_MAX,
        .hooks = {on_opened, on_message, on_broken, c},
    };
    return zmtp_open(&spec, &c->zmtp, &err) == 0;
}

static bool connect_all(struct kernel *k)
{
    bool open = true;
    for (int i = KERNEL_CHANNELS - 1; i >= 0; i--)
        if (!connect_channel(k, i))
            return false;
    for (int i = 0; i < KERNEL_CHANNELS; i++)
        open &= k->channels[i].open;
    return open;
}

static void on_timer(void *arg)
{
    struct kernel *k = arg;
    struct err err;
    char id[IDENT_SIZE];
    if (k->closed || k->broken) {
        on_kill(k);
        return;
    }
    if (loop_now(k->loop) >= k->due) {
        kill_now(k); /* its end tells */
        return;
    }
    if (!connect_all(k)) {
        timer_set(k->timer, CONNECT_MS);
        return;
    }
    if (kernel_send(k, KERNEL_SHELL, "kernel_info_request", (struct text){"{}", 2}, id, &err) < 0)
        log_debug("kernel: %s", err.text);
    timer_set(k->timer, GREET_MS);
}

static const char **make_argv(const struct kernel_spec *spec, const char *file, struct arena *arena)
{
    static const char hole[] = "{connection_file}";
    const char **argv = arena_alloc(arena, (spec->argv.n + 2) * sizeof *argv);
    size_t n = 0;
    for (size_t i = 0; argv && i < spec->argv.n; i++) {
        const char *word = spec->argv.items[i].p, *at = strstr(word, hole);
        argv[n++] =
            at ? arena_printf(arena, "%.*s%s%s", (int)(at - word), word, file, at + sizeof hole - 1)
               : word;
        if (!argv[n - 1])
            return NULL;
    }
    /* Nobody looks into a history of the cells on disk, and keeping it costs a third of each call.
     */
    if (argv && spec->python)
        argv[n++] = "--HistoryManager.enabled=False";
    return argv;
}

static const char *const *make_environment(const struct kernel *k, const struct kernel_start *start,
                                           struct arena *arena)
{
    const struct kernel_spec *spec = start->spec;
    struct text_pair *pairs = arena_alloc(arena, (spec->env.n + 2) * sizeof *pairs);
    if (!pairs)
        return NULL;
    struct text_map extra = {pairs, spec->env.n + 1};
    if (spec->env.n)
        memcpy(pairs, spec->env.items, spec->env.n * sizeof *pairs);
    pairs[spec->env.n] = (struct text_pair){{MARK, sizeof MARK - 1}, {k->name, strlen(k->name)}};
    if (spec->bin) {
        const char *const *plain = environment_with(start->environment, arena, NULL);
        const char *path = NULL;
        for (; plain && *plain; plain++)
            if (strncmp(*plain, "PATH=", 5) == 0)
                path = arena_printf(arena, "%s:%s", spec->bin, *plain + 5);
        if (!path)
            return NULL;
        pairs[extra.n++] = (struct text_pair){{"PATH", 4}, {path, strlen(path)}};
    }
    return environment_with(start->environment, arena, &extra);
}

static const char *find_program(struct arena *arena, const char *name, const char *const *envp)
{
    const char *path = "";
    if (name[0] == '/')
        return name;
    for (; *envp; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0)
            path = *envp + 5;
    while (*path) {
        size_t n = strcspn(path, ":");
        const char *file = arena_printf(arena, "%.*s/%s", (int)n, path, name);
        if (file && access(file, X_OK) == 0)
            return file;
        path += n + (path[n] == ':');
    }
    return NULL;
}

static int open_said(struct kernel *k, int *ret_child_end, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(err, errno, "cannot make a pipe");
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    k->said_fd = ends[0];
    *ret_child_end = ends[1];
    if (watch_open(k->loop, ends[0], on_said, k, &k->said_watch, err) < 0)
        return -1;
    watch_set(k->said_watch, WATCH_READ);
    return 0;
}

static int spawn(struct kernel *k, const struct kernel_start *start, struct arena *arena,
                 struct err *err)
{
    cleanup_close int said = -1;
    const char *file = arena_printf(arena, "%s.json", k->base);
    const char **argv = file ? make_argv(start->spec, file, arena) : NULL;
    const char *const *envp = make_environment(k, start, arena);
    if (!argv || !envp)
        return err_memory(err);
    argv[0] = find_program(arena, argv[0], envp);
    if (!argv[0])
        return err_set(err, ERR_UNAVAILABLE, "%s is not installed", start->spec->argv.items[0].p);
    if (write_connection_file(k, file, err) < 0 || open_said(k, &said, err) < 0)
        return -1;
    struct spawn_spec process = {
        .argv = argv, .envp = envp, .cwd = start->cwd, .stdio = {-1, said, said}, .session = true};
    if (child_spawn(start->children, &process, on_exit_of, k, &k->child, err) < 0)
        return -1;
    k->tree = (struct tree){child_pid(k->child), k->mark};
    return 0;
}

static int prepare(struct kernel *k, const struct kernel_start *start, struct err *err)
{
    char half[IDENT_SIZE];
    ident_random(half, "");
    ident_random(k->key, half);
    ident_random(k->name, "k");
    k->name[9] = '\0'; /* paths of sockets are short */
    if (asprintf(&k->base, "%s/%s", start->dir, k->name) < 0)
        k->base = NULL;
    if (asprintf(&k->mark, MARK "=%s", k->name) < 0)
        k->mark = NULL;
    if (!k->base || !k->mark)
        return err_memory(err);
    if (timer_open(k->loop, on_timer, k, &k->timer, err) < 0)
        return -1;
    k->by_message = kernel_text_is(start->spec->interrupt, "message");
    k->due = loop_now(k->loop) + KERNEL_START_MS;
    return 0;
}

int kernel_open(const struct kernel_start *start, struct kernel **ret_kernel, struct err *err)
{
    struct kernel *k = calloc(1, sizeof *k);
    struct arena *arena = arena_new();
    int r = -1;
    if (k && arena) {
        *k = (struct kernel){.loop = start->loop,
                             .hooks = start->hooks,
                             .said_fd = -1,
                             .said = BYTES_INIT(SAID_MAX)};
        for (int i = 0; i < KERNEL_CHANNELS; i++)
            k->channels[i].kernel = k;
        r = prepare(k, start, err);
        if (r == 0)
            r = spawn(k, start, arena, err);
        if (r < 0)
            kernel_free(k);
    } else {
        free(k);
        (void)err_memory(err);
    }
    arena_free(arena);
    if (r < 0)
        return -1;
    timer_set(k->timer, CONNECT_MS);
    *ret_kernel = k;
    return 0;
}

void kernel_give(struct kernel *k, const struct kernel_hooks *hooks)
{
    k->hooks = *hooks;
}

bool kernel_ready(const struct kernel *k)
{
    return k->ready;
}
