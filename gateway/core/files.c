#include "core/files.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/mem.h"

#define SEARCH_WAIT_SECONDS 2

struct files {
    char *workspace, *state, *ripgrep;
    pthread_mutex_t lock;
    pthread_mutex_t count_lock;
    pthread_cond_t search_ended;
    unsigned searches, uploads;
};

static char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    if (!path || !*path)
        path = "/usr/local/bin:/usr/bin:/bin";
    while (*path) {
        size_t n = strcspn(path, ":");
        struct bytes candidate = BYTES_INIT(4 * KIB);
        (void)bytes_add(&candidate, path, n);
        (void)bytes_printf(&candidate, "/%s", name);
        if (path[0] == '/' && bytes_text(&candidate) && access(candidate.data, X_OK) == 0)
            return bytes_take(&candidate, NULL);
        bytes_done(&candidate);
        path += n + (path[n] == ':');
    }
    return NULL;
}

int files_open(const char *workspace, const char *state, struct files **ret_files, struct err *err)
{
    struct files *files = calloc(1, sizeof *files);
    pthread_condattr_t monotonic;
    if (!files)
        return err_memory(err);
    files->workspace = strdup(workspace);
    files->state = strdup(state);
    files->ripgrep = find_program("rg");
    (void)pthread_mutex_init(&files->lock, NULL);
    (void)pthread_mutex_init(&files->count_lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&files->search_ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (!files->workspace || !files->state) {
        files_close(files);
        return err_memory(err);
    }
    *ret_files = files;
    return 0;
}

void files_close(struct files *files)
{
    if (!files)
        return;
    (void)pthread_cond_destroy(&files->search_ended);
    (void)pthread_mutex_destroy(&files->count_lock);
    (void)pthread_mutex_destroy(&files->lock);
    free(files->workspace);
    free(files->state);
    free(files->ripgrep);
    free(files);
}

const char *files_workspace(const struct files *files)
{
    return files->workspace;
}

const char *files_state(const struct files *files)
{
    return files->state;
}

const char *files_ripgrep(const struct files *files)
{
    return files->ripgrep;
}

void files_lock(struct files *files)
{
    (void)pthread_mutex_lock(&files->lock);
}

void files_unlock(struct files *files)
{
    (void)pthread_mutex_unlock(&files->lock);
}

int files_search_enter(struct files *files, struct err *err)
{
    struct timespec until;
    int r = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SEARCH_WAIT_SECONDS;
    (void)pthread_mutex_lock(&files->count_lock);
    while (files->searches >= SEARCHES_AT_ONCE && r != ETIMEDOUT)
        r = pthread_cond_timedwait(&files->search_ended, &files->count_lock, &until);
    bool admitted = files->searches < SEARCHES_AT_ONCE;
    files->searches += admitted;
    (void)pthread_mutex_unlock(&files->count_lock);
    return admitted ? 0
                    : err_set(err, ERR_LIMIT, "%d searches are running already; try again later",
                              SEARCHES_AT_ONCE);
}

void files_search_leave(struct files *files)
{
    (void)pthread_mutex_lock(&files->count_lock);
    files->searches--;
    (void)pthread_cond_signal(&files->search_ended);
    (void)pthread_mutex_unlock(&files->count_lock);
}

int files_upload_enter(struct files *files, struct err *err)
{
    (void)pthread_mutex_lock(&files->count_lock);
    bool admitted = files->uploads < UPLOADS_AT_ONCE;
    files->uploads += admitted;
    (void)pthread_mutex_unlock(&files->count_lock);
    return admitted ? 0
                    : err_set(err, ERR_LIMIT, "%d uploads are under way already; try again later",
                              UPLOADS_AT_ONCE);
}

void files_upload_leave(struct files *files)
{
    (void)pthread_mutex_lock(&files->count_lock);
    files->uploads--;
    (void)pthread_mutex_unlock(&files->count_lock);
}
