/* sandgate-display: becomes the X server whose command line it is given, and has it READY only when
 * its screen has the size asked for.
 *
 * Xvfb can shrink its screen but never grow it beyond the size it began with. So it begins with the
 * largest, and its first client, a child of ours, sets the size before anybody else looks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "core/display_protocol.h"
#include "desktop/gate.h"
#include "desktop/resize.h"
#include "desktop/xserver.h"

#define DEFAULT_WIDTH  1280
#define DEFAULT_HEIGHT 1024
#define MAX_ARGUMENTS  64

struct start {
    int width, height;
    const char *display, *run; /* $DISPLAY; folder of the screen's file */
    int started[2];            /* pipe on which the server says that it takes clients */
};

static int setting(const char *name, int fallback, int low, int high, int *ret_value,
                   struct err *err)
{
    const char *text = getenv(name);
    uint64_t value;
    if (!text || !*text) {
        *ret_value = fallback;
        return 0;
    }
    if (parse_u64(text, strlen(text), &value) < 0 || value < (uint64_t)low ||
        value > (uint64_t)high)
        return err_set(err, ERR_INVALID, "%s is \"%.40s\"; it must be a number from %d to %d", name,
                       text, low, high);
    *ret_value = (int)value;
    return 0;
}

static int read_settings(struct start *s, struct err *err)
{
    s->display = getenv("DISPLAY");
    s->run = getenv("SERVICE_RUN");
    if (!s->display || s->display[0] != ':' || !s->run)
        return err_set(err, ERR_INVALID, "DISPLAY and SERVICE_RUN must be set");
    if (setting("DISPLAY_WIDTH", DEFAULT_WIDTH, DISPLAY_MIN_WIDTH, DISPLAY_MAX_WIDTH, &s->width,
                err) < 0)
        return -1;
    return setting("DISPLAY_HEIGHT", DEFAULT_HEIGHT, DISPLAY_MIN_HEIGHT, DISPLAY_MAX_HEIGHT,
                   &s->height, err);
}

/* What a killed server leaves behind would keep a new one from starting: its lock names a process
 * id that another process may have by now. */
static int clear_leftovers(const char *display, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char lock[64];
    (void)snprintf(name.sun_path, sizeof name.sun_path, "/tmp/.X11-unix/X%.20s", display + 1);
    (void)snprintf(lock, sizeof lock, "/tmp/.X%.20s-lock", display + 1);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        return err_set(err, ERR_CONFLICT, "another X server already runs on display %s", display);
    (void)unlink(name.sun_path);
    (void)unlink(lock);
    return 0;
}

static int make_pipe(struct start *s, struct err *err)
{
    if (pipe2(s->started, O_CLOEXEC) < 0)
        return err_errno(err, errno, "cannot make a pipe");
    return 0;
}

/* The server has written the whole of its largest screen: what is beyond the size now goes back. */
static void give_pixels_back(const struct start *s)
{
    char path[512];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/Xvfb_screen0", s->run);
    cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);
    off_t head = 8192; /* header and colour table, which stay */
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > head)
        (void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, head, st.st_size - head);
}

/* In the child. */
static int set_up_screen(void *arg, struct err *err)
{
    const struct start *s = arg;
    char number[16];
    ssize_t n;
    (void)close(s->started[1]);
    do
        n = read(s->started[0], number, sizeof number);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return err_set(err, ERR_UNAVAILABLE, "the X server ended before it took clients");
    struct xserver x;
    if (xserver_open(&x, err) < 0)
        return -1;
    give_pixels_back(s);
    int result = resize_screen(&x, s->width, s->height, err);
    XSetWindowBackground(x.display, x.root, BlackPixel(x.display, DefaultScreen(x.display)));
    XClearWindow(x.display, x.root);
    XWarpPointer(x.display, None, x.root, 0, 0, 0, 0, s->width / 2, s->height / 2);
    xserver_close(&x);
    return result;
}

static int become_server(const struct start *s, char **argv, struct err *err)
{
    char *command[MAX_ARGUMENTS + 8], screen[32], started[16];
    int n = 0;
    while (n < MAX_ARGUMENTS && argv[n]) {
        command[n] = argv[n];
        n++;
    }
    (void)snprintf(screen, sizeof screen, "%dx%dx24", DISPLAY_MAX_WIDTH, DISPLAY_MAX_HEIGHT);
    int fd = dup(s->started[1]);
    (void)snprintf(started, sizeof started, "%d", fd);
    char *const more[] = {"-screen",      "0",          screen,  "-fbdir",
                          (char *)s->run, "-displayfd", started, NULL};
    memcpy(command + n, more, sizeof more);
    (void)execvp(command[0], command);
    return err_errno(err, errno, "cannot run %s", command[0]);
}

int main(int argc, char **argv)
{
    struct start s = {.started = {-1, -1}};
    struct err err = ERR_INIT;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: sandgate-display XSERVER ARGUMENT...\n");
        return 2;
    }
    if (read_settings(&s, &err) == 0 && clear_leftovers(s.display, &err) == 0 &&
        make_pipe(&s, &err) == 0 && gate_open(set_up_screen, &s, &err) == 0)
        (void)become_server(&s, argv + 1, &err);
    (void)fprintf(stderr, "%s\n", err.text);
    return 1;
}
