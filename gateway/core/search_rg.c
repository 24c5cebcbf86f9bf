#include "core/search_rg.h"

#include <string.h>

#include "base/bytes.h"
#include "core/files.h"

void rg_init(struct rg *rg, struct files *files, struct arena *arena)
{
    *rg = (struct rg){.arena = arena};
    rg->argv[rg->n++] = files_ripgrep(files);
    rg_add(rg, "--no-config");
}

void rg_add(struct rg *rg, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    if (rg->n == RG_MAX_ARGS) {
        rg->failed = true;
        return;
    }
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0)
        text = arena_alloc(rg->arena, (size_t)n + 1);
    if (!text) {
        rg->failed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    rg->argv[rg->n++] = text;
}

void rg_add_globs(struct rg *rg, const char *lead, const struct text_list *globs)
{
    for (size_t i = 0; i < globs->n; i++) {
        const char *glob = globs->items[i].p;
        /* A first ! would turn the meaning round. */
        const char *escape = !*lead && glob[0] == '!' ? "\\" : "";
        rg_add(rg, "--glob=%s%s%s", lead, escape, glob);
    }
}

/* What is wrong, out of several lines that also draw the pattern: what the second engine that was
 * tried says, or else the line after "error: ". */
static void extract(char *text)
{
    static const char *const leads[] = {"\nPCRE2: ", "\nerror: "};
    const char *at = text;
    for (size_t i = 0; at == text && i < COUNT_OF(leads); i++) {
        const char *lead = strstr(text, leads[i]);
        if (lead)
            at = lead + strlen(leads[i]);
    }
    size_t n = strcspn(at, "\n");
    memmove(text, at, n);
    text[n] = '\0';
}

static int complaint(const struct rg *rg, struct bytes *errors, struct err *err)
{
    char *text = bytes_take(errors, NULL);
    if (!text)
        return err_memory(err);
    const char *field = rg->pattern_field;
    if (strncmp(text, "unrecognized file type", 22) == 0)
        field = "type";
    else if (strncmp(text, "error parsing glob", 18) == 0)
        field = rg->glob_field;
    extract(text);
    int r = err_field(err, field, "field '%s' cannot be used: %.300s", field, text);
    free(text);
    return r;
}

/* Remembers whether it was us who had enough. */
struct watched_taker {
    const struct spawn_taker *taker;
    bool enough;
};

static int take_watched(void *arg, const char *data, size_t n)
{
    struct watched_taker *w = arg;
    w->enough = w->taker->take(w->taker->arg, data, n) != 0;
    return w->enough;
}

int rg_run(struct rg *rg, struct files *files, const char *cwd, const char *target,
           const struct spawn_taker *taker, struct err *err)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
    struct exit_status status;
    cleanup_bytes struct bytes errors = BYTES_INIT(64 * KIB);
    rg_add(rg, "--");
    rg_add(rg, "%s", target);
    if (!files_ripgrep(files))
        return err_set(err, ERR_UNAVAILABLE, "ripgrep (rg) is not installed here");
    if (rg->failed)
        return err_set(err, ERR_TOO_LARGE, "too many filters for one search");
    struct spawn_spec spec = {
        .argv = rg->argv, .envp = environment, .cwd = cwd, .stdio = {-1, -1, -1}};
    struct watched_taker watched = {taker, false};
    const struct spawn_taker watching = {take_watched, &watched};
    int r = spawn_wait_taking(&spec, &watching, &errors, RG_DEADLINE_MS, &status, err);
    if (r < 0) {
        if (err->kind == ERR_TIMEOUT)
            (void)err_set(err, ERR_TIMEOUT,
                          "The search took longer than %d seconds; narrow it down",
                          RG_DEADLINE_MS / 1000);
        return -1;
    }
    if (status.signaled && !watched.enough)
        return err_set(err, ERR_UNAVAILABLE, "ripgrep was ended by signal %d", status.signal);
    if (status.code != 2)
        return 0;
    return errors.len ? complaint(rg, &errors, err) : 1;
}
