#include "app.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM  65536
#define PEERS 65536
#define STACK (128 * 1024)

struct peer {
    int fd;
    size_t n;
    char text[ROOM];
};

/* By descriptor: whether it is a peer's. */
static bool peers[PEERS];
static pthread_mutex_t peers_lock = PTHREAD_MUTEX_INITIALIZER;

static void set_peer(int fd, bool is)
{
    (void)pthread_mutex_lock(&peers_lock);
    if (fd < PEERS)
        peers[fd] = is;
    (void)pthread_mutex_unlock(&peers_lock);
}

void app_hang_up(void)
{
    (void)pthread_mutex_lock(&peers_lock);
    for (int fd = 0; fd < PEERS; fd++)
        if (peers[fd])
            (void)shutdown(fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&peers_lock);
}

static bool put(int fd, const void *data, size_t n)
{
    const char *at = data;
    while (n) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool more(struct peer *p)
{
    ssize_t got = p->n < ROOM - 1 ? recv(p->fd, p->text + p->n, ROOM - 1 - p->n, 0) : -1;
    if (got <= 0)
        return false;
    p->n += (size_t)got;
    p->text[p->n] = '\0';
    return true;
}

static void drop(struct peer *p, size_t n)
{
    memmove(p->text, p->text + n, p->n - n + 1);
    p->n -= n;
}

/* Whatever comes goes back, unmasked: a frame in is a frame out. */
static void echo_frames(struct peer *p)
{
    for (;;) {
        while (p->n < 6)
            if (!more(p))
                return;
        size_t length = p->text[1] & 0x7f;
        if (length > 125)
            return;
        while (p->n < 6 + length)
            if (!more(p))
                return;
        const char *mask = p->text + 2;
        char frame[2 + 125] = {p->text[0], (char)length};
        for (size_t i = 0; i < length; i++)
            frame[2 + i] = (char)(p->text[6 + i] ^ mask[i % 4]);
        if (!put(p->fd, frame, 2 + length) || (frame[0] & 0x0f) == 8)
            return;
        drop(p, 6 + length);
    }
}

static void upgrade(struct peer *p, const char *key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[128], answer[256];
    unsigned char digest[EVP_MAX_MD_SIZE], accept[64];
    unsigned int n = 0;
    (void)snprintf(text, sizeof text, "%.*s%s", (int)strcspn(key, "\r\n"), key, guid);
    (void)EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL);
    (void)EVP_EncodeBlock(accept, digest, (int)n);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                          (const char *)accept);
    const char *end = strstr(p->text, "\r\n\r\n");
    drop(p, (size_t)(end + 4 - p->text));
    if (put(p->fd, answer, (size_t)length))
        echo_frames(p);
}

/* The target's last word says how: chunks or a length. */
static bool answer(struct peer *p, const char *target, size_t n, const char *body, size_t length)
{
    char head[512], whole[ROOM];
    size_t total = n + 1 + length;
    if (total > sizeof whole)
        return false;
    memcpy(whole, target, n);
    whole[n] = '\n';
    memcpy(whole + n + 1, body, length);
    if (!memmem(target, n, "chunks", 6)) {
        int h =
            snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", total);
        return put(p->fd, head, (size_t)h) && put(p->fd, whole, total);
    }
    int h = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n%c\r\n%zx\r\n",
                     whole[0], total - 1);
    return put(p->fd, head, (size_t)h) && put(p->fd, whole + 1, total - 1) &&
           put(p->fd, "\r\n0\r\n\r\n", 7);
}

static const char *header(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? at + strlen(name) + strspn(at + strlen(name), " ") : NULL;
}

static bool serve_one(struct peer *p)
{
    char *end;
    while (!(end = strstr(p->text, "\r\n\r\n")))
        if (!more(p))
            return false;
    const char *key = header(p->text, "\r\nSec-WebSocket-Key:");
    if (key) {
        upgrade(p, key);
        return false;
    }
    const char *declared = header(p->text, "\r\nContent-Length:");
    size_t length = declared ? strtoull(declared, NULL, 10) : 0;
    size_t head = (size_t)(end + 4 - p->text);
    while (p->n < head + length)
        if (!more(p))
            return false;
    const char *target = strchr(p->text, ' ') + 1;
    if (!answer(p, target, strcspn(target, " "), p->text + head, length))
        return false;
    drop(p, head + length);
    return true;
}

static void *serve(void *arg)
{
    struct peer *p = arg;
    int on = 1;
    (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_peer(p->fd, true);
    while (serve_one(p)) {
    }
    set_peer(p->fd, false);
    (void)close(p->fd);
    free(p);
    return NULL;
}

static void *take(void *arg)
{
    int listener = (int)(intptr_t)arg;
    pthread_attr_t small;
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK);
    (void)pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct peer *p = fd >= 0 ? calloc(1, sizeof *p) : NULL;
        if (p)
            p->fd = fd;
        if (p && pthread_create(&thread, &small, serve, p) == 0)
            continue;
        if (fd >= 0)
            (void)close(fd);
        free(p);
    }
    return NULL;
}

uint16_t app_start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof at;
    pthread_t thread;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) < 0 ||
        pthread_create(&thread, NULL, take, (void *)(intptr_t)fd) != 0) {
        (void)fprintf(stderr, "soak: the app cannot listen: %s\n", strerrordesc_np(errno));
        exit(2);
    }
    (void)pthread_detach(thread);
    return ntohs(at.sin_port);
}
