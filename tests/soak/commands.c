/* Commands without a pause, and sessions that come and go. Every output must be the command's own,
 * to the byte. */
#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "phases.h"
#include "tally.h"

#define RUNNERS      64
#define CYCLERS      16
#define BIG_LINES    400 /* of 11 bytes */
#define NODE_EVERY   50
#define KERNEL_EVERY 1000

struct runner {
    const struct site *site;
    unsigned number;
    uint64_t until;      /* µs */
    atomic_uint *cycles; /* left to do, of all */
    struct line line;
    char command[512];
    char wanted[BIG_LINES * 11 + 512];
};

/* ---- one command ---- */

/* A small one, one that fails and complains, one with much output. */
static int make_command(struct runner *r, unsigned turn)
{
    int code = (int)(turn % 3);
    size_t n = 0;
    if (turn % 4 != 3) {
        (void)snprintf(r->command, sizeof r->command,
                       "for i in 1 2 3; do echo r%u-t%u $i; done; (exit %d)", r->number, turn,
                       code);
        for (unsigned i = 1; i <= 3; i++)
            n += (size_t)snprintf(r->wanted + n, sizeof r->wanted - n, "r%u-t%u %u\n", r->number,
                                  turn, i);
        return code;
    }
    (void)snprintf(
        r->command, sizeof r->command,
        "for ((i = 0; i < %d; i++)); do printf '%%04d %%05d\\\\n' $i %u; done; (exit %d)",
        BIG_LINES, turn % 100000, code);
    for (unsigned i = 0; i < BIG_LINES; i++)
        n += (size_t)snprintf(r->wanted + n, sizeof r->wanted - n, "%04u %05u\n", i, turn % 100000);
    return code;
}

/* The answer's `data`; the whole is the caller's to delete. */
static const cJSON *data_of(struct runner *r, cJSON **ret_whole)
{
    *ret_whole = cJSON_ParseWithLength(r->line.body, r->line.body_length);
    return cJSON_GetObjectItemCaseSensitive(*ret_whole, "data");
}

static void judge(struct runner *r, enum kind kind, uint64_t since, const char *member, int code)
{
    cJSON *whole;
    const cJSON *data = data_of(r, &whole);
    const char *output = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, member));
    const cJSON *exit_code = cJSON_GetObjectItemCaseSensitive(data, "exit_code");
    if (output && strcmp(output, r->wanted) == 0 && cJSON_IsNumber(exit_code) &&
        exit_code->valueint == code)
        tally_good(kind, since);
    else
        tally_bad(kind, false, "%s: %.300s", r->command, r->line.body);
    cJSON_Delete(whole);
}

static void ask(struct runner *r, enum kind kind, const char *path, const char *body,
                const char *member, int code)
{
    uint64_t since = now_us();
    if (line_ask(&r->line, "POST", path, body, 200) < 0)
        tally_bad(kind, r->line.wedged, "%s: %s", r->command, r->line.why);
    else
        judge(r, kind, since, member, code);
}

static void run_shell(struct runner *r, enum kind kind, const char *session, unsigned turn)
{
    char body[1024];
    int code = make_command(r, turn);
    (void)snprintf(body, sizeof body, "{\"id\":\"%s\",\"command\":\"%s\"}", session, r->command);
    ask(r, kind, "/v1/shell/exec", body, "output", code);
}

static void run_bash(struct runner *r, enum kind kind, const char *session, unsigned turn)
{
    char body[1024];
    int code = make_command(r, turn);
    (void)snprintf(body, sizeof body, "{\"session_id\":\"%s\",\"command\":\"%s\"}", session,
                   r->command);
    ask(r, kind, "/v1/bash/exec", body, "stdout", code);
}

static void end_session(struct runner *r, enum kind kind, const char *method, const char *format,
                        const char *session)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s%s", format, session,
                   strcmp(method, "POST") == 0 ? "/close" : "");
    if (line_ask(&r->line, method, path, NULL, 200) < 0)
        tally_bad(kind, r->line.wedged, "%s: %s", session, r->line.why);
}

/* ---- commands without a pause ---- */

static void *run_commands(void *arg)
{
    struct runner *r = arg;
    char session[32];
    line_init(&r->line, r->site->gateway);
    (void)snprintf(session, sizeof session, "exec-%u", r->number);
    /* Both sessions come to be, however slow the machine is. */
    for (unsigned turn = 0; turn < 2 || now_us() < r->until; turn++) {
        if ((turn + r->number) % 2)
            run_shell(r, KIND_SHELL, session, turn);
        else
            run_bash(r, KIND_BASH, session, turn);
    }
    end_session(r, KIND_SHELL, "DELETE", "/v1/shell/sessions/", session);
    end_session(r, KIND_BASH, "POST", "/v1/bash/sessions/", session);
    line_done(&r->line);
    return NULL;
}

void exec_run(const struct site *site, unsigned seconds)
{
    struct runner *runners = calloc(RUNNERS, sizeof *runners);
    uint64_t until = now_us() + seconds * 1000000ULL;
    if (!runners)
        abort();
    for (unsigned i = 0; i < RUNNERS; i++)
        runners[i] = (struct runner){.site = site, .number = i, .until = until};
    crowd_run(RUNNERS, run_commands, runners, sizeof *runners);
    free(runners);
}

/* ---- sessions ---- */

static void cycle_shell(struct runner *r, const char *session, unsigned turn)
{
    run_shell(r, KIND_SHELL_CYCLE, session, turn);
    end_session(r, KIND_SHELL_CYCLE, "DELETE", "/v1/shell/sessions/", session);
}

static void cycle_bash(struct runner *r, const char *session, unsigned turn)
{
    run_bash(r, KIND_BASH_CYCLE, session, turn);
    end_session(r, KIND_BASH_CYCLE, "POST", "/v1/bash/sessions/", session);
}

/* `path` runs code in a session; what it prints is in the answer. */
static void cycle_code(struct runner *r, enum kind kind, const char *path, const char *sessions,
                       const char *session, const char *code)
{
    char body[512];
    uint64_t since = now_us();
    (void)snprintf(body, sizeof body, "{\"session_id\":\"%s\",\"code\":\"%s\"}", session, code);
    if (line_ask(&r->line, "POST", path, body, 200) < 0)
        tally_bad(kind, r->line.wedged, "%s: %s", session, r->line.why);
    else if (!strstr(r->line.body, session) || !strstr(r->line.body, "so 5040"))
        tally_bad(kind, false, "%s: %.300s", session, r->line.body);
    else
        tally_good(kind, since);
    end_session(r, kind, "DELETE", sessions, session);
}

static void cycle(struct runner *r, unsigned turn)
{
    char session[32];
    (void)snprintf(session, sizeof session, "cycle-%u", turn);
    if (turn % KERNEL_EVERY == 1)
        cycle_code(r, KIND_JUPYTER_CYCLE, "/v1/jupyter/execute", "/v1/jupyter/sessions/", session,
                   "print('so', 7 * 720)");
    else if (turn % NODE_EVERY == 2)
        cycle_code(r, KIND_NODE_CYCLE, "/v1/nodejs/execute", "/v1/nodejs/sessions/", session,
                   "console.log('so', 7 * 720)");
    else if (turn % 2)
        cycle_shell(r, session, turn);
    else
        cycle_bash(r, session, turn);
}

static void *run_cycles(void *arg)
{
    struct runner *r = arg;
    line_init(&r->line, r->site->gateway);
    for (;;) {
        unsigned left = atomic_load(r->cycles);
        while (left && !atomic_compare_exchange_weak(r->cycles, &left, left - 1)) {
        }
        if (!left)
            break;
        cycle(r, left);
    }
    line_done(&r->line);
    return NULL;
}

void cycles_run(const struct site *site, unsigned cycles)
{
    struct runner *runners = calloc(CYCLERS, sizeof *runners);
    atomic_uint left = cycles;
    if (!runners)
        abort();
    for (unsigned i = 0; i < CYCLERS; i++)
        runners[i] = (struct runner){.site = site, .number = i, .cycles = &left};
    crowd_run(CYCLERS, run_cycles, runners, sizeof *runners);
    free(runners);
}
