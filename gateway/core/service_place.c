/* Where a service lives while it runs: its folders, its socket or port. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "core/service_internal.h"

#define SOCKET_NAME "socket"
/* A service may give its sockets names this long. */
#define SOCKET_NAME_MAX 16
#define PORT_TRIES      32
#define SHORT           "/tmp/sandgate-"

/* ---- folders ---- */

static int make_private(const char *path, struct err *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot make %s", path);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (at->level > 0 && (type == FTW_DP ? rmdir(path) : unlink(path)) < 0)
        log_debug("cannot remove %s: %s", path, strerrordesc_np(errno));
    return 0;
}

/* Symbolic links are removed, not followed. */
static void empty(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ---- ports ---- */

/* Between our look and the service's bind(2) another gateway must not choose the same port: an
 * abstract Unix socket that goes with the process is the claim. */
static int claim(uint16_t port)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "sandgate-port-%u", port);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* The port if nobody has it; any free one for 0; 0 when there is none. */
static uint16_t free_port(uint16_t port)
{
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, n) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &n) < 0)
        return 0;
    return ntohs(address.sin_port);
}

static int choose_port(struct service *s, struct err *err)
{
    uint16_t wanted = (uint16_t)s->manifest->port;
    for (int i = 0; i < PORT_TRIES; i++) {
        uint16_t port = free_port(i == 0 ? wanted : 0);
        s->port_claim = port ? claim(port) : -1;
        if (s->port_claim < 0)
            continue;
        if (port != wanted)
            log_info("service %s: port %u is taken, uses %u", s->manifest->name, wanted, port);
        s->address.port = port;
        return 0;
    }
    return err_set(err, ERR_LIMIT, "no port of the loopback is free");
}

/* ---- all of it ---- */

int place_prepare(struct service *s, struct err *err)
{
    if (make_private(s->state_dir, err) < 0 || make_private(s->run_dir, err) < 0)
        return -1;
    empty(s->run_dir);
    if (s->manifest->socket)
        (void)snprintf(s->address.path, sizeof s->address.path, "%s/" SOCKET_NAME, s->run_dir);
    else if (s->manifest->port != INT_ABSENT)
        return choose_port(s, err);
    return 0;
}

void place_release(struct service *s)
{
    s->address = (struct address){.port = 0};
    if (s->port_claim >= 0)
        (void)close(s->port_claim);
    s->port_claim = -1;
}

static bool is_ours_alone(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 0777) == 0700;
}

/* STATE/run becomes a link to a folder under /tmp, so that the next gateway finds it again. */
static int make_short(struct supervisor *v, const char *link, struct err *err)
{
    char target[64] = "";
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n > 0 && strncmp(target, SHORT, sizeof SHORT - 1) == 0 && is_ours_alone(target)) {
        v->run_dir = arena_copy(v->arena, target, (size_t)n);
        return v->run_dir ? 0 : err_memory(err);
    }
    char made[] = SHORT "XXXXXX";
    if (!mkdtemp(made))
        return err_errno(err, errno, "cannot make a folder in /tmp");
    empty(link);
    if (unlink(link) < 0 && errno != ENOENT)
        (void)rmdir(link);
    if (symlink(made, link) < 0) {
        (void)rmdir(made);
        return err_errno(err, errno, "cannot make %s", link);
    }
    v->run_dir = arena_copy(v->arena, made, strlen(made));
    return v->run_dir ? 0 : err_memory(err);
}

int place_open(struct supervisor *v, struct err *err)
{
    struct sockaddr_un limit;
    size_t longest = 0;
    struct stat st;
    const char *path = arena_printf(v->arena, "%s/run", v->config->state);
    if (!path)
        return err_memory(err);
    for (size_t i = 0; i < v->count; i++)
        if (strlen(v->manifests[i].name) > longest)
            longest = strlen(v->manifests[i].name);
    if (strlen(path) + 1 + longest + 1 + SOCKET_NAME_MAX >= sizeof limit.sun_path)
        return make_short(v, path, err);
    if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        (void)unlink(path);
    v->run_dir = path;
    return make_private(path, err);
}

/* In an orderly end nothing stays behind in /tmp. */
void place_close(struct supervisor *v)
{
    char link[PATH_MAX];
    if (!v->run_dir || strncmp(v->run_dir, SHORT, sizeof SHORT - 1) != 0)
        return;
    (void)snprintf(link, sizeof link, "%s/run", v->config->state);
    empty(v->run_dir);
    if (rmdir(v->run_dir) == 0)
        (void)unlink(link);
}
