/* The side channel between a session's bash and the gateway: two FIFOs and two files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/shell_internal.h"

#define EVENT_CEILING (16 * KIB)

/* The hooks are a shell file of their own so that shell tools can read and check them. */
__asm__(".section .rodata\n"
        "shell_hooks_text:\n"
        ".incbin \"gateway/core/shell_hooks.bash\"\n"
        "shell_hooks_end:\n"
        ".previous\n");
extern const char shell_hooks_text[] __attribute__((visibility("hidden")));
extern const char shell_hooks_end[] __attribute__((visibility("hidden")));

static int path_in(const struct shell *sh, const char *name, char out[512], struct err *err)
{
    int n = snprintf(out, 512, "%s/%s", sh->dir, name);
    return n > 0 && n < 512 ? 0
                            : err_set(err, ERR_INTERNAL, "the state directory's path is too long");
}

static int write_file(const struct shell *sh, const char *name, const char *data, size_t n,
                      struct err *err)
{
    char path[512];
    if (path_in(sh, name, path, err) < 0)
        return -1;
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "cannot write %s", path);
    while (n) {
        ssize_t done = write(fd, data, n);
        if (done <= 0)
            return err_errno(err, errno, "cannot write %s", path);
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

static int open_fifo(const struct shell *sh, const char *name, int *ret_fd, struct err *err)
{
    char path[512];
    if (path_in(sh, name, path, err) < 0)
        return -1;
    (void)unlink(path);
    if (mkfifo(path, 0600) < 0)
        return err_errno(err, errno, "cannot make %s", path);
    *ret_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return *ret_fd < 0 ? err_errno(err, errno, "cannot open %s", path) : 0;
}

void channel_quote(struct bytes *out, const char *text)
{
    (void)bytes_addc(out, '\'');
    for (; *text; text++)
        (void)(*text == '\'' ? bytes_adds(out, "'\\''") : bytes_addc(out, *text));
    (void)bytes_addc(out, '\'');
}

/* `rc` is bash's start-up file; `hooks` alone is sourced again when the user replaced the shell by
 * another bash. */
static int write_scripts(const struct shell *sh, struct err *err)
{
    cleanup_bytes struct bytes rc = BYTES_INIT(16 * KIB), hooks = BYTES_INIT(32 * KIB);
    char path[512];
    if (path_in(sh, "hooks", path, err) < 0)
        return -1;
    (void)bytes_adds(&rc, "[ -f ~/.bashrc ] && . ~/.bashrc\n. ");
    channel_quote(&rc, path);
    (void)bytes_adds(&rc, "\n");
    (void)bytes_adds(&hooks, "__sg_d=");
    channel_quote(&hooks, sh->dir);
    (void)bytes_adds(&hooks, "\n");
    size_t length = (size_t)((uintptr_t)shell_hooks_end - (uintptr_t)shell_hooks_text);
    (void)bytes_add(&hooks, shell_hooks_text, length);
    if (rc.failed || hooks.failed)
        return err_memory(err);
    if (write_file(sh, "rc", rc.data, rc.len, err) < 0)
        return -1;
    return write_file(sh, "hooks", hooks.data, hooks.len, err);
}

/* KIND PID SEQUENCE TOKEN STATUS PWD */
static char *next_word(char **at)
{
    char *word = *at, *space = strchr(word, ' ');
    *at = space ? space + 1 : word + strlen(word);
    if (space)
        *space = '\0';
    return word;
}

static void take_report(struct shell *sh, char *line)
{
    char *kind = next_word(&line);
    pid_t pid = (pid_t)strtol(next_word(&line), NULL, 10);
    struct report report = {.kind = (enum report_kind)kind[0]};
    report.sequence = next_word(&line);
    report.token = next_word(&line);
    report.status = (int)strtol(next_word(&line), NULL, 10);
    report.dir = line;
    if (pid == sh->pid)
        run_on_report(sh, &report);
    else if (report.kind != REPORT_PROMPT)
        channel_leave(sh, report.sequence, false); /* a stray copy of the hooks must not hang */
}

static void on_events(void *arg, unsigned events)
{
    struct shell *sh = arg;
    struct channel *ch = &sh->channel;
    char chunk[4096];
    ssize_t n;
    (void)events;
    while ((n = read(ch->events, chunk, sizeof chunk)) > 0) {
        if (bytes_add(&ch->buffer, chunk, (size_t)n) < 0)
            bytes_clear(&ch->buffer); /* not our hooks talking */
    }
    for (;;) {
        char *end = ch->buffer.len ? memchr(ch->buffer.data, '\0', ch->buffer.len) : NULL;
        if (!end)
            return;
        size_t used = (size_t)(end - ch->buffer.data) + 1;
        /* A report may end the channel, and needs no memory to be heard. */
        char line[EVENT_CEILING];
        memcpy(line, ch->buffer.data, used);
        bytes_consume(&ch->buffer, used);
        take_report(sh, line);
    }
}

int channel_open(struct shell *sh, struct err *err)
{
    struct channel *ch = &sh->channel;
    channel_close(sh);
    if (mkdir(sh->dir, 0700) < 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot make %s", sh->dir);
    if (open_fifo(sh, "ev", &ch->events, err) < 0 || open_fifo(sh, "ack", &ch->ack, err) < 0 ||
        write_scripts(sh, err) < 0 ||
        watch_open(sh->spec.loop, ch->events, on_events, sh, &ch->watch, err) < 0) {
        channel_close(sh);
        return -1;
    }
    ch->buffer = bytes_with_limit(EVENT_CEILING);
    /* What the shell reports is never lost for want of memory. */
    if (bytes_reserve(&ch->buffer, EVENT_CEILING) < 0) {
        channel_close(sh);
        return err_memory(err);
    }
    watch_set(ch->watch, WATCH_READ);
    return 0;
}

void channel_close(struct shell *sh)
{
    struct channel *ch = &sh->channel;
    watch_close(ch->watch);
    ch->watch = NULL;
    if (ch->events >= 0)
        (void)close(ch->events);
    if (ch->ack >= 0)
        (void)close(ch->ack);
    ch->events = ch->ack = -1;
    bytes_done(&ch->buffer);
}

int channel_set_command(struct shell *sh, const struct bytes *command, struct err *err)
{
    return write_file(sh, "cmd", command->data, command->len, err);
}

int channel_hooks_path(const struct shell *sh, struct bytes *out)
{
    char path[512];
    struct err err;
    if (path_in(sh, "hooks", path, &err) < 0)
        return -1;
    channel_quote(out, path);
    return 0;
}

void channel_leave(struct shell *sh, const char *sequence, bool go)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%.20s%s\n", sequence, go ? "" : " x");
    ssize_t written = write(sh->channel.ack, line, (size_t)n);
    (void)written; /* a full FIFO means nobody reads: nothing waits for leave */
}
