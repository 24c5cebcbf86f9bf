#include "io/zmtp.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"

/* A flood is read in turns with everyone else. */
#define READ_CHUNK  (64 * KIB)
#define READ_ROUNDS 16
/* Memory that an idle connection may hold on to. */
#define KEPT (256 * KIB)

/* Bits of a frame's first byte. */
enum { FRAME_MORE = 1, FRAME_LONG = 2, FRAME_COMMAND = 4 };
#define FRAME_HEAD    9
#define GREETING_SIZE 64
#define MECHANISM_AT  12

enum stage { STAGE_GREETING, STAGE_READY, STAGE_OPEN, STAGE_CLOSED };

struct zmtp {
    struct loop *loop;
    struct zmtp_hooks hooks;
    enum zmtp_kind kind;
    size_t ceiling;
    int fd;
    struct watch *watch;
    struct timer *flush; /* tells of a failed write outside of the caller's call */
    enum stage stage;
    struct bytes in, out;
    size_t at; /* within `in`: where the next frame begins */
    struct text parts[ZMTP_PARTS];
    size_t offsets[ZMTP_PARTS];
    size_t part_count, start; /* of the message under way, which begins at `start` */
    bool reading;
};

/* ---- end ---- */

static void zmtp_free(struct zmtp *z)
{
    bytes_done(&z->in);
    bytes_done(&z->out);
    free(z);
}

static void shut(struct zmtp *z)
{
    z->stage = STAGE_CLOSED;
    watch_close(z->watch);
    timer_close(z->flush);
    z->watch = NULL;
    z->flush = NULL;
    if (z->fd >= 0)
        (void)close(z->fd);
    z->fd = -1;
}

void zmtp_close(struct zmtp *z)
{
    if (!z)
        return;
    shut(z);
    if (z->reading)
        z->hooks.arg = NULL; /* freed by whoever is reading */
    else
        zmtp_free(z);
}

static void fail(struct zmtp *z, const char *why)
{
    if (z->stage == STAGE_CLOSED)
        return;
    shut(z);
    z->hooks.broken(z->hooks.arg, why);
}

/* ---- writing ---- */

static void add_frame(struct bytes *out, unsigned flags, const char *data, size_t n)
{
    unsigned char head[FRAME_HEAD] = {(unsigned char)flags};
    if (n <= 255) {
        head[1] = (unsigned char)n;
        (void)bytes_add(out, head, 2);
    } else {
        head[0] |= FRAME_LONG;
        for (int i = 0; i < 8; i++)
            head[1 + i] = (unsigned char)((uint64_t)n >> (8 * (7 - i)));
        (void)bytes_add(out, head, sizeof head);
    }
    (void)bytes_add(out, data, n);
}

/* -1 when the socket is broken. */
static int write_out(struct zmtp *z)
{
    size_t sent = 0;
    while (sent < z->out.len) {
        ssize_t n = send(z->fd, z->out.data + sent, z->out.len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0)
            return -1;
        sent += (size_t)n;
    }
    bytes_consume(&z->out, sent);
    watch_set(z->watch, z->out.len ? WATCH_READ | WATCH_WRITE : WATCH_READ);
    return 0;
}

static void on_flush(void *arg)
{
    struct zmtp *z = arg;
    if (write_out(z) < 0)
        fail(z, "the connection broke");
}

int zmtp_send(struct zmtp *z, const struct text *parts, size_t n, struct err *err)
{
    size_t before = z->out.len;
    for (size_t i = 0; i < n; i++)
        add_frame(&z->out, i + 1 < n ? FRAME_MORE : 0, parts[i].p, parts[i].n);
    if (z->out.failed) {
        z->out.failed = false;
        z->out.len = before;
        return err_set(err, ERR_TOO_LARGE, "the message is too long");
    }
    /* That it failed is told later: hooks do not run in here. */
    if (write_out(z) < 0)
        timer_set(z->flush, 0);
    return 0;
}

/* ---- the handshake ---- */

static void send_greeting(struct zmtp *z)
{
    static const char mechanism[] = "NULL";
    char greeting[GREETING_SIZE] = {0};
    greeting[0] = (char)0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3; /* version 3.0 */
    memcpy(greeting + MECHANISM_AT, mechanism, sizeof mechanism - 1);
    (void)bytes_add(&z->out, greeting, sizeof greeting);
}

static void add_property(struct bytes *out, const char *name, const char *value)
{
    (void)bytes_addc(out, (char)strlen(name));
    (void)bytes_adds(out, name);
    (void)bytes_add(out, "\0\0\0", 3);
    (void)bytes_addc(out, (char)strlen(value));
    (void)bytes_adds(out, value);
}

static void send_ready(struct zmtp *z)
{
    static const char *const types[] = {[ZMTP_DEALER] = "DEALER", [ZMTP_SUB] = "SUB"};
    cleanup_bytes struct bytes body = BYTES_INIT(256);
    (void)bytes_adds(&body, "\5READY");
    add_property(&body, "Socket-Type", types[z->kind]);
    if (z->kind == ZMTP_DEALER)
        add_property(&body, "Identity", "");
    add_frame(&z->out, FRAME_COMMAND, body.data, body.len);
}

/* Of 3.0 a subscription is a message: 1, and what messages begin with; here nothing, so all. */
static void subscribe(struct zmtp *z)
{
    if (z->kind == ZMTP_SUB)
        add_frame(&z->out, 0, "\1", 1);
}

/* 1: taken; 0: more is needed; -1: failed. */
static int take_greeting(struct zmtp *z)
{
    const unsigned char *g = (const unsigned char *)z->in.data;
    if (z->in.len < GREETING_SIZE)
        return 0;
    if (g[0] != 0xff || g[9] != 0x7f || g[10] < 3 || memcmp(g + MECHANISM_AT, "NULL\0", 5) != 0) {
        fail(z, "the peer does not speak ZMTP 3");
        return -1;
    }
    z->at = GREETING_SIZE;
    z->stage = STAGE_READY;
    send_ready(z);
    return 1;
}

static void take_command(struct zmtp *z, const char *data, size_t n)
{
    static const char ready[] = "\5READY";
    if (z->stage == STAGE_OPEN)
        return; /* none that concerns us */
    if (n < sizeof ready - 1 || memcmp(data, ready, sizeof ready - 1) != 0) {
        fail(z, "the peer refused the connection");
        return;
    }
    z->stage = STAGE_OPEN;
    subscribe(z);
    z->hooks.opened(z->hooks.arg);
}

/* ---- messages ---- */

static void take_part(struct zmtp *z, unsigned flags, size_t from, size_t n)
{
    if (z->stage != STAGE_OPEN || z->part_count == ZMTP_PARTS) {
        fail(z, "the peer sent what is no message");
        return;
    }
    z->offsets[z->part_count] = from;
    z->parts[z->part_count++].n = n;
    if (flags & FRAME_MORE)
        return;
    for (size_t i = 0; i < z->part_count; i++)
        z->parts[i].p = z->in.data + z->offsets[i];
    size_t count = z->part_count;
    z->part_count = 0;
    z->start = z->at;
    z->hooks.message(z->hooks.arg, z->parts, count);
}

static uint64_t read_size(const unsigned char *p, size_t n)
{
    uint64_t size = 0;
    for (size_t i = 0; i < n; i++)
        size = size << 8 | p[i];
    return size;
}

/* 1: taken; 0: more is needed; -1: failed. */
static int take_frame(struct zmtp *z)
{
    size_t left = z->in.len - z->at;
    const unsigned char *p = (const unsigned char *)z->in.data + z->at;
    size_t head = left && p[0] & FRAME_LONG ? FRAME_HEAD : 2;
    if (left < head)
        return 0;
    unsigned flags = p[0];
    uint64_t n = read_size(p + 1, head - 1);
    if (n > z->ceiling || z->at - z->start + n > z->ceiling) {
        fail(z, "the peer sent a message that is too long");
        return -1;
    }
    if (left - head < n)
        return 0;
    size_t from = z->at + head;
    z->at = from + (size_t)n;
    if (flags & FRAME_COMMAND)
        take_command(z, z->in.data + from, (size_t)n);
    else
        take_part(z, flags, from, (size_t)n);
    return z->stage == STAGE_CLOSED ? -1 : 1;
}

static void take_all(struct zmtp *z)
{
    int r = 1;
    if (z->stage == STAGE_GREETING)
        r = take_greeting(z);
    while (r > 0)
        r = take_frame(z);
    if (r < 0)
        return;
    if (z->part_count == 0)
        z->start = z->at;
    bytes_consume(&z->in, z->start);
    if (z->in.len == 0 && z->in.cap > KEPT)
        bytes_done(&z->in);
    for (size_t i = 0; i < z->part_count; i++)
        z->offsets[i] -= z->start;
    z->at -= z->start;
    z->start = 0;
}

static void read_in(struct zmtp *z)
{
    for (int i = 0; i < READ_ROUNDS && z->stage != STAGE_CLOSED; i++) {
        if (bytes_reserve(&z->in, READ_CHUNK) < 0) {
            fail(z, "out of memory");
            return;
        }
        ssize_t n = recv(z->fd, z->in.data + z->in.len, READ_CHUNK, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            fail(z, "the peer closed the connection");
            return;
        }
        z->in.len += (size_t)n;
        take_all(z);
        if ((size_t)n < READ_CHUNK)
            return;
    }
}

static void on_ready(void *arg, unsigned events)
{
    struct zmtp *z = arg;
    (void)events;
    z->reading = true;
    read_in(z);
    if (z->stage != STAGE_CLOSED && z->out.len && write_out(z) < 0)
        fail(z, "the connection broke");
    z->reading = false;
    if (z->stage == STAGE_CLOSED && !z->hooks.arg)
        zmtp_free(z);
}

int zmtp_open(const struct zmtp_spec *spec, struct zmtp **ret_zmtp, struct err *err)
{
    struct zmtp *z = calloc(1, sizeof *z);
    if (!z)
        return err_memory(err);
    *z = (struct zmtp){.loop = spec->loop,
                       .hooks = spec->hooks,
                       .kind = spec->kind,
                       .ceiling = spec->ceiling,
                       .fd = -1,
                       .in = bytes_with_limit(spec->ceiling + 4 * READ_CHUNK),
                       .out = bytes_with_limit(spec->ceiling + READ_CHUNK)};
    if (address_connect(spec->address, &z->fd, err) < 0 ||
        timer_open(z->loop, on_flush, z, &z->flush, err) < 0 ||
        watch_open(z->loop, z->fd, on_ready, z, &z->watch, err) < 0) {
        zmtp_close(z);
        return -1;
    }
    send_greeting(z);
    watch_set(z->watch, WATCH_READ | WATCH_WRITE);
    *ret_zmtp = z;
    return 0;
}
