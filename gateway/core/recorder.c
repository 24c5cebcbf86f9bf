#include "core/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define FOLDER "/tmp/recordings"
/* From asking ffmpeg to finish until it is ended by force. */
#define FINISH_MS 5000
/* It ends by itself at its limit; if it does not, it is helped after this. */
#define OVERTIME_MS 10000
#define SAID        1024

const char *const recorder_state_names[] = {"idle", "recording", "stopped", NULL};

struct recorder {
    struct loop *loop;
    struct children *children;
    const struct config *config;
    const struct toolbox *toolbox;
    enum recorder_state state;
    struct child *child;
    struct timer *timer;
    struct watch *watch, *progress_watch;
    int errors;   /* the read end of ffmpeg's standard error */
    int progress; /* and of its reports */
    bool rolling; /* a picture has been taken: from now on it can be stopped without harm */
    bool asked;   /* to stop */
    char path[PATH_MAX];
    char said[SAID]; /* the end of what ffmpeg complained of */
    char reason[SAID + 64];
    uint64_t started_ms, ended_ms; /* loop_clock() */
    struct observers observers;
};

int recorder_open(struct loop *loop, struct children *children, const struct config *config,
                  const struct toolbox *toolbox, struct recorder **ret_recorder, struct err *err)
{
    struct recorder *r = calloc(1, sizeof *r);
    if (!r)
        return err_memory(err);
    *r = (struct recorder){.loop = loop,
                           .children = children,
                           .config = config,
                           .toolbox = toolbox,
                           .errors = -1,
                           .progress = -1};
    *ret_recorder = r;
    return 0;
}

static void close_process(struct recorder *r)
{
    watch_close(r->watch);
    watch_close(r->progress_watch);
    timer_close(r->timer);
    if (r->errors >= 0)
        (void)close(r->errors);
    if (r->progress >= 0)
        (void)close(r->progress);
    r->watch = r->progress_watch = NULL;
    r->timer = NULL;
    r->errors = r->progress = -1;
}

void recorder_close(struct recorder *r)
{
    if (!r)
        return;
    child_disown(r->child);
    close_process(r);
    free(r);
}

/* ---- the file ---- */

static void make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(path, 0755);
        *p = '/';
    }
}

/* Opened once to see whether it can be written; ffmpeg opens it again by name. */
static int prepare_file(struct recorder *r, struct err *err)
{
    struct stat st;
    make_folders(r->path);
    cleanup_close int fd = open(r->path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_field(err, "save_path", "field 'save_path': cannot write %s: %s", r->path,
                         strerrordesc_np(errno));
    if (!S_ISREG(st.st_mode))
        return err_field(err, "save_path", "field 'save_path': %s is not a file", r->path);
    return 0;
}

static int name_file(struct recorder *r, const char *wanted, struct err *err)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    if (wanted && strlen(wanted) >= sizeof r->path)
        return err_field(err, "save_path", "field 'save_path' is too long");
    (void)localtime_r(&now, &local);
    (void)strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &local);
    if (wanted)
        (void)snprintf(r->path, sizeof r->path, "%s", wanted);
    else
        (void)snprintf(r->path, sizeof r->path, FOLDER "/recording_%s.mp4", stamp);
    return prepare_file(r, err);
}

/* ---- ffmpeg ---- */

struct arguments {
    char rate[8], display[16], limit[32], crf[8], keys[8], scale[64];
    const char *list[48];
};

/* H.264 in 4:2:0 wants even sizes. */
static void write_scale(struct arguments *a, const struct recording_spec *spec)
{
    if (spec->width && spec->height)
        (void)snprintf(a->scale, sizeof a->scale, "scale=%d:%d", spec->width & ~1,
                       spec->height & ~1);
    else if (spec->width)
        (void)snprintf(a->scale, sizeof a->scale, "scale=%d:-2", spec->width & ~1);
    else if (spec->height)
        (void)snprintf(a->scale, sizeof a->scale, "scale=-2:%d", spec->height & ~1);
    else
        (void)snprintf(a->scale, sizeof a->scale, "scale=trunc(iw/2)*2:trunc(ih/2)*2");
}

static void write_arguments(struct arguments *a, const struct recorder *r, const char *ffmpeg,
                            const struct recording_spec *spec)
{
    (void)snprintf(a->rate, sizeof a->rate, "%d", spec->fps);
    (void)snprintf(a->display, sizeof a->display, ":%d", r->config->display);
    (void)snprintf(a->limit, sizeof a->limit, "%.3f", spec->max_seconds);
    (void)snprintf(a->crf, sizeof a->crf, "%d", spec->crf);
    /* A fragment begins with a key frame: one each second. */
    (void)snprintf(a->keys, sizeof a->keys, "%d", spec->fps);
    write_scale(a, spec);
    const char *const list[] = {ffmpeg,
                                "-hide_banner",
                                "-loglevel",
                                "error",
                                "-nostdin",
                                "-progress",
                                "pipe:1",
                                "-stats_period",
                                "0.1",
                                "-f",
                                "x11grab",
                                "-framerate",
                                a->rate,
                                "-t",
                                a->limit,
                                "-i",
                                a->display,
                                "-vf",
                                a->scale,
                                "-c:v",
                                "libx264",
                                "-preset",
                                "ultrafast",
                                "-crf",
                                a->crf,
                                "-pix_fmt",
                                "yuv420p",
                                "-g",
                                a->keys,
                                "-threads",
                                "1",
                                "-movflags",
                                "+frag_keyframe+empty_moov+default_base_moof",
                                "-flush_packets",
                                "1",
                                "-f",
                                "mp4",
                                "-y",
                                r->path,
                                NULL};
    memcpy(a->list, list, sizeof list);
}

static void on_ended(void *arg, struct exit_status status)
{
    struct recorder *r = arg;
    const char *said = r->said[0] ? r->said : "it did not say why";
    r->child = NULL;
    close_process(r);
    r->state = RECORDER_STOPPED;
    r->ended_ms = loop_clock();
    if (status.signaled && !r->asked)
        (void)snprintf(r->reason, sizeof r->reason, "ffmpeg was ended by signal %d", status.signal);
    else if (status.code != 0 && !r->asked)
        (void)snprintf(r->reason, sizeof r->reason, "ffmpeg failed: %s", said);
    log_info("recording ended file=%s%s%s", r->path, r->reason[0] ? " reason=" : "", r->reason);
    observers_tell(&r->observers);
}

/* Keeps the end of what it says, without line breaks. */
static void on_errors(void *arg, unsigned events)
{
    struct recorder *r = arg;
    char text[SAID];
    ssize_t n = read(r->errors, text, sizeof text - 1);
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        watch_set(r->watch, 0);
        return;
    }
    text[n] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = p[1] ? ' ' : '\0';
    (void)snprintf(r->said, sizeof r->said, "%s", text);
}

static void interrupt(struct recorder *r)
{
    (void)kill(child_pid(r->child), SIGINT); /* ffmpeg(1): it finishes its file */
}

/* Its reports are lines NAME=VALUE, again and again. */
static void on_progress(void *arg, unsigned events)
{
    struct recorder *r = arg;
    char text[SAID];
    ssize_t n = read(r->progress, text, sizeof text - 1);
    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        watch_set(r->progress_watch, 0);
        return;
    }
    text[n] = '\0';
    const char *frame = strstr(text, "frame=");
    if (r->rolling || !frame || strtol(frame + strlen("frame="), NULL, 10) < 1)
        return;
    r->rolling = true;
    if (r->asked && r->child)
        interrupt(r);
}

static void on_overtime(void *arg)
{
    struct recorder *r = arg;
    if (!r->child)
        return;
    if (r->asked) {
        (void)kill(child_pid(r->child), SIGKILL);
        return;
    }
    recorder_stop(r);
}

static int open_pipes(int errors[2], int progress[2], struct err *err)
{
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_errno(err, errno, "cannot open a pipe");
    if (pipe2(progress, O_CLOEXEC | O_NONBLOCK) < 0) {
        (void)close(errors[0]);
        (void)close(errors[1]);
        return err_errno(err, errno, "cannot open a pipe");
    }
    return 0;
}

static int spawn(struct recorder *r, const struct recording_spec *spec, struct err *err)
{
    struct arguments arguments;
    int errors[2], progress[2];
    struct arena *arena = arena_new();
    const char *ffmpeg = arena ? toolbox_find(r->toolbox, arena, "ffmpeg") : NULL;
    if (!ffmpeg) {
        arena_free(arena);
        return err_set(err, ERR_UNAVAILABLE, "ffmpeg is not installed: nothing can be recorded");
    }
    if (open_pipes(errors, progress, err) < 0) {
        arena_free(arena);
        return -1;
    }
    write_arguments(&arguments, r, ffmpeg, spec);
    struct spawn_spec child = {
        .argv = arguments.list,
        .envp = toolbox_environment(r->toolbox),
        .cwd = r->config->home,
        .stdio = {-1, progress[1], errors[1]},
    };
    int result = child_spawn(r->children, &child, on_ended, r, &r->child, err);
    (void)close(errors[1]);
    (void)close(progress[1]);
    r->errors = errors[0];
    r->progress = progress[0];
    arena_free(arena);
    return result;
}

int recorder_start(struct recorder *r, const struct recording_spec *spec, struct err *err)
{
    if (r->state == RECORDER_RUNNING)
        return err_set(err, ERR_CONFLICT, "a recording is under way already, to %s", r->path);
    r->state = RECORDER_IDLE;
    r->asked = r->rolling = false;
    r->said[0] = r->reason[0] = '\0';
    if (name_file(r, spec->path, err) < 0)
        return -1;
    if (spawn(r, spec, err) < 0 ||
        watch_open(r->loop, r->errors, on_errors, r, &r->watch, err) < 0 ||
        watch_open(r->loop, r->progress, on_progress, r, &r->progress_watch, err) < 0 ||
        timer_open(r->loop, on_overtime, r, &r->timer, err) < 0) {
        if (r->child) {
            (void)kill(child_pid(r->child), SIGKILL);
            child_disown(r->child);
            r->child = NULL;
        }
        close_process(r);
        return -1;
    }
    watch_set(r->watch, WATCH_READ);
    watch_set(r->progress_watch, WATCH_READ);
    timer_set(r->timer, (uint64_t)(spec->max_seconds * 1000) + OVERTIME_MS);
    r->state = RECORDER_RUNNING;
    r->started_ms = loop_clock();
    log_info("recording started file=%s", r->path);
    return 0;
}

void recorder_stop(struct recorder *r)
{
    if (!r->child || r->asked)
        return;
    r->asked = true;
    if (r->rolling)
        interrupt(r);
    timer_set(r->timer, FINISH_MS);
}

void recorder_describe(const struct recorder *r, struct recording_info *ret_info)
{
    struct stat st;
    uint64_t end = r->state == RECORDER_RUNNING ? loop_clock() : r->ended_ms;
    *ret_info = (struct recording_info){.state = r->state, .bytes = -1};
    if (r->state == RECORDER_IDLE)
        return;
    ret_info->path = r->path;
    ret_info->reason = r->reason[0] ? r->reason : NULL;
    ret_info->seconds = (double)(end - r->started_ms) / 1000;
    if (stat(r->path, &st) == 0)
        ret_info->bytes = st.st_size;
}

struct observers *recorder_observers(struct recorder *r)
{
    return &r->observers;
}
