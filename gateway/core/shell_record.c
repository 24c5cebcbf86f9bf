/* One command of a session as a thing to keep: its text, its output, how it ended. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/history.h"
#include "core/shell_internal.h"

/* Ended runs kept for the view of a session. */
#define PAST_RUNS  32
#define PAST_BYTES (256 * KIB)

const char *const run_status_names[] = {"running", "completed", "no_change_timeout", "hard_timeout",
                                        "terminated"};

char *run_prompt_text(const struct shell *sh)
{
    char host[64] = "sandbox", *text = NULL;
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof host - 1);
    int n = asprintf(&text, "%s@%s:%s%c", user ? user->pw_name : "user", host, sh->working_dir,
                     geteuid() == 0 ? '#' : '$');
    return n < 0 ? NULL : text;
}

void run_free(struct shell_run *run)
{
    if (!run)
        return;
    outlog_done(&run->out);
    free(run->text);
    free(run->prompt);
    free(run->log_path);
    free(run);
}

int run_new(struct shell *sh, struct text text, struct shell_run **ret_run, struct err *err)
{
    struct shell_run *run = calloc(1, sizeof *run);
    if (!run)
        return err_memory(err);
    ident_random(run->id, "");
    run->out.fd = -1;
    run->text = malloc(text.n + 1);
    run->text_length = text.n;
    if (asprintf(&run->log_path, "%s/%s.out", sh->spec.output_dir, run->id) < 0)
        run->log_path = NULL;
    if (!run->text || !run->log_path) {
        run_free(run);
        return err_memory(err);
    }
    memcpy(run->text, text.p, text.n);
    run->text[text.n] = '\0';
    run->verdict = RUN_TERMINATED;
    run->started_at = history_now();
    run->changed_at = loop_clock();
    outlog_init(&run->out, run->log_path, sh->spec.output_ceiling);
    *ret_run = run;
    return 0;
}

bool shell_run_ended(const struct shell_run *run)
{
    return run->status != RUN_RUNNING;
}

struct shell_run *shell_run_now(const struct shell *sh)
{
    return sh->current ? sh->current : sh->queue ? sh->queue : sh->last;
}

struct shell_run *shell_runs_past(const struct shell *sh)
{
    return sh->past;
}

/* The terminal's line ends become \n; a \r at the end of a piece waits for what follows. */
void run_output(struct shell *sh, const char *data, size_t n)
{
    struct shell_run *run = sh->current;
    static char clean[64 * 1024 + 1]; /* loop thread only */
    size_t used = 0;
    if (!run || sh->state != SHELL_RUNNING)
        return;
    run->changed_at = loop_clock();
    if (run->held_cr && data[0] != '\n')
        clean[used++] = '\r';
    run->held_cr = data[n - 1] == '\r';
    n -= run->held_cr;
    for (const char *at = data, *end = data + n; at < end;) {
        const char *cr = memchr(at, '\r', (size_t)(end - at));
        size_t run_length = (size_t)((cr ? cr : end) - at);
        memcpy(clean + used, at, run_length);
        used += run_length;
        at += run_length;
        if (at < end && (at + 1 == end || at[1] != '\n'))
            clean[used++] = '\r';
        at += at < end;
    }
    outlog_append(&run->out, clean, used);
}

/* The newest always stays, so whoever is being told of it may look at it. */
void run_keep(struct shell *sh, struct shell_run *run)
{
    uint64_t bytes = 0;
    run->next = NULL;
    if (sh->last)
        sh->last->next = run;
    else
        sh->past = run;
    sh->last = run;
    sh->past_count++;
    for (const struct shell_run *r = sh->past; r; r = r->next)
        bytes += r->out.length + r->text_length;
    while (sh->past && sh->past != run && (sh->past_count > PAST_RUNS || bytes > PAST_BYTES)) {
        struct shell_run *oldest = sh->past;
        bytes -= oldest->out.length + oldest->text_length;
        sh->past = oldest->next;
        sh->past_count--;
        run_free(oldest);
    }
}
