#include "core/files.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "core/socket_dir.h"

struct files {
    char *workspace, *state, *ripgrep;
    char drafts[PATH_MAX];
    pthread_mutex_t lock;
    pthread_mutex_t upload_lock;
    unsigned uploads;
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

/* Without the folder drafts are named beside what they replace. */
static void open_drafts(struct files *files)
{
    int n = snprintf(files->drafts, sizeof files->drafts, "%s/drafts", files->state);
    bool made = files->state[0] && n < (int)sizeof files->drafts &&
                (mkdir(files->drafts, 0700) == 0 || errno == EEXIST);
    if (made)
        socket_dir_empty(files->drafts);
    else
        files->drafts[0] = '\0';
}

int files_open(const char *workspace, const char *state, struct files **ret_files, struct err *err)
{
    struct files *files = calloc(1, sizeof *files);
    if (!files)
        return err_memory(err);
    files->workspace = strdup(workspace);
    files->state = strdup(state);
    files->ripgrep = find_program("rg");
    (void)pthread_mutex_init(&files->lock, NULL);
    (void)pthread_mutex_init(&files->upload_lock, NULL);
    if (!files->workspace || !files->state) {
        files_close(files);
        return err_memory(err);
    }
    open_drafts(files);
    *ret_files = files;
    return 0;
}

void files_close(struct files *files)
{
    if (!files)
        return;
    (void)pthread_mutex_destroy(&files->upload_lock);
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

const char *files_drafts(const struct files *files)
{
    return files->drafts;
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

int files_upload_enter(struct files *files, struct err *err)
{
    (void)pthread_mutex_lock(&files->upload_lock);
    bool admitted = files->uploads < UPLOADS_AT_ONCE;
    files->uploads += admitted;
    (void)pthread_mutex_unlock(&files->upload_lock);
    return admitted ? 0
                    : err_set(err, ERR_LIMIT, "%d uploads are under way already; try again later",
                              UPLOADS_AT_ONCE);
}

void files_upload_leave(struct files *files)
{
    (void)pthread_mutex_lock(&files->upload_lock);
    files->uploads--;
    (void)pthread_mutex_unlock(&files->upload_lock);
}
