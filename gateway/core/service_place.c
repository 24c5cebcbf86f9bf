/* Where a service lives while it runs: its folders, its socket or port. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "core/service_internal.h"
#include "core/socket_dir.h"

#define SOCKET_NAME "socket"
/* A service may give its sockets names this long. */
#define SOCKET_NAME_MAX 16
#define PORT_TRIES      32
#define RUN_DIR         "run"

/* ---- folders ---- */

static int make_private(const char *path, struct err *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot make %s", path);
    return 0;
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
    socket_dir_empty(s->run_dir);
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

int place_open(struct supervisor *v, struct err *err)
{
    size_t longest = 0;
    for (size_t i = 0; i < v->count; i++)
        if (strlen(v->manifests[i].name) > longest)
            longest = strlen(v->manifests[i].name);
    return socket_dir_open(v->arena, v->config->state, RUN_DIR, 1 + longest + 1 + SOCKET_NAME_MAX,
                           &v->run_dir, err);
}

void place_close(struct supervisor *v)
{
    socket_dir_close(v->run_dir, v->config->state, RUN_DIR);
}
