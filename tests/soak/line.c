#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HEAD_ROOM 8192

void line_init(struct line *line, uint16_t port)
{
    line->fd = -1;
    line->port = port;
    line->wedged = false;
    line->body = NULL;
    line->body_room = line->body_length = 0;
    line->start = line->end = 0;
}

void line_done(struct line *line)
{
    line_close(line);
    free(line->body);
    line->body = NULL;
}

static int fail(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line->why, sizeof line->why, format, args);
    va_end(args);
    return -1;
}

/* What is described is `errno`; a deadline that passed is a wedge. */
static int fail_io(struct line *line, const char *what)
{
    line->wedged = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS;
    if (line->wedged)
        return fail(line, "%s: nothing for %d s", what, LINE_PATIENCE);
    return fail(line, "%s: %s", what, strerrordesc_np(errno));
}

int line_open(struct line *line)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(line->port)};
    struct timeval patience = {.tv_sec = LINE_PATIENCE};
    int on = 1;
    if (line->fd >= 0)
        return 0;
    line->wedged = false;
    line->start = line->end = 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line->fd < 0)
        return fail_io(line, "socket");
    if (setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        setsockopt(line->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        setsockopt(line->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
        connect(line->fd, (struct sockaddr *)&to, sizeof to) < 0)
        return fail_io(line, "connect");
    return 0;
}

void line_close(struct line *line)
{
    if (line->fd >= 0)
        (void)close(line->fd);
    line->fd = -1;
    line->start = line->end = 0;
}

void line_abort(struct line *line)
{
    struct linger at_once = {.l_onoff = 1};
    if (line->fd >= 0)
        (void)setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    line_close(line);
}

int line_send_raw(struct line *line, const void *data, size_t n)
{
    const char *at = data;
    while (n) {
        ssize_t sent = send(line->fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return fail_io(line, "send");
        at += sent;
        n -= (size_t)sent;
    }
    return 0;
}

static int fill(struct line *line)
{
    ssize_t got;
    if (line->start == line->end)
        line->start = line->end = 0;
    if (line->end == LINE_BUFFER) {
        memmove(line->buffer, line->buffer + line->start, line->end - line->start);
        line->end -= line->start;
        line->start = 0;
    }
    if (line->end == LINE_BUFFER)
        return fail(line, "a head of more than %d bytes", LINE_BUFFER);
    do
        got = recv(line->fd, line->buffer + line->end, LINE_BUFFER - line->end, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_io(line, "recv");
    if (got == 0)
        return fail(line, "the gateway closed the connection");
    line->end += (size_t)got;
    return 0;
}

/* ---- heads ---- */

static const char *header(const char *head, const char *name)
{
    for (const char *at = head; (at = strstr(at, "\r\n"));) {
        at += 2;
        if (strncasecmp(at, name, strlen(name)) == 0)
            return at + strlen(name) + strspn(at + strlen(name), " ");
    }
    return NULL;
}

static int read_head(struct line *line)
{
    char *head, *stop;
    for (;;) {
        head = line->buffer + line->start;
        stop = memmem(head, line->end - line->start, "\r\n\r\n", 4);
        if (stop)
            break;
        if (fill(line) < 0)
            return -1;
    }
    stop[2] = '\0';
    line->start = (size_t)(stop + 4 - line->buffer);
    if (strncmp(head, "HTTP/1.1 ", 9) != 0)
        return fail(line, "no HTTP/1.1 answer: %.60s", head);
    const char *length = header(head, "content-length:");
    const char *coding = header(head, "transfer-encoding:");
    const char *connection = header(head, "connection:");
    line->status = (int)strtol(head + 9, NULL, 10);
    line->chunked = coding && strncasecmp(coding, "chunked", 7) == 0;
    line->ending = connection && strncasecmp(connection, "close", 5) == 0;
    line->left = length ? strtoull(length, NULL, 10) : 0;
    if (!length && !line->chunked && line->status != 101)
        return fail(line, "status %d without a length", line->status);
    return 0;
}

int line_begin(struct line *line, const char *method, const char *path, const char *headers,
               const char *body)
{
    char head[HEAD_ROOM];
    size_t length = body ? strlen(body) : 0;
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s", method, path,
                     line->port, headers ? headers : "");
    if (body && n > 0 && (size_t)n < sizeof head)
        n += snprintf(head + n, sizeof head - (size_t)n,
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n", length);
    if (n < 0 || (size_t)n + 2 >= sizeof head)
        return fail(line, "the request's head is too long");
    memcpy(head + n, "\r\n", 2);
    if (line_open(line) < 0 || line_send_raw(line, head, (size_t)n + 2) < 0 ||
        (length && line_send_raw(line, body, length) < 0))
        return -1;
    return read_head(line);
}

/* ---- bodies ---- */

static int raw_byte(struct line *line)
{
    if (line->start == line->end && fill(line) < 0)
        return -2;
    return (unsigned char)line->buffer[line->start++];
}

/* The size line of the next chunk; 0 at the last one, whose empty line is taken too. */
static int next_chunk(struct line *line)
{
    char text[20];
    size_t n = 0;
    int c;
    while ((c = raw_byte(line)) >= 0 && c != '\n' && n < sizeof text - 1)
        if (c != '\r')
            text[n++] = (char)c;
    text[n] = '\0';
    if (c < 0)
        return -1;
    line->left = strtoull(text, NULL, 16);
    if (line->left)
        return 0;
    line->chunked = false;
    if (text[0] != '0' || raw_byte(line) != '\r' || raw_byte(line) != '\n')
        return fail(line, "a bad chunk: %s", text);
    return 0;
}

int line_byte(struct line *line)
{
    if (!line->left && !line->chunked)
        return -1;
    if (!line->left && next_chunk(line) < 0)
        return -2;
    if (!line->left)
        return -1;
    int c = raw_byte(line);
    line->left--;
    if (c >= 0 && !line->left && line->chunked &&
        (raw_byte(line) != '\r' || raw_byte(line) != '\n'))
        return fail(line, "no line end behind a chunk") - 1;
    return c;
}

static int add_byte(struct line *line, int c)
{
    if (line->body_length + 1 >= line->body_room) {
        size_t room = line->body_room ? line->body_room * 2 : 1024;
        char *body = room <= LINE_BODY ? realloc(line->body, room) : NULL;
        if (!body)
            return fail(line, "a body of more than %u bytes", LINE_BODY);
        line->body = body;
        line->body_room = room;
    }
    line->body[line->body_length++] = (char)c;
    line->body[line->body_length] = '\0';
    return 0;
}

static int read_body(struct line *line)
{
    int c;
    line->body_length = 0;
    if (add_byte(line, 0) < 0)
        return -1;
    line->body_length = 0;
    while ((c = line_byte(line)) >= 0)
        if (add_byte(line, c) < 0)
            return -1;
    return c == -1 ? 0 : -1;
}

int line_ask(struct line *line, const char *method, const char *path, const char *body, int wanted)
{
    if (line_begin(line, method, path, NULL, body) < 0 || read_body(line) < 0) {
        line_close(line);
        return -1;
    }
    if (line->ending)
        line_close(line);
    if (line->status != wanted)
        return fail(line, "%s %s: status %d: %.120s", method, path, line->status, line->body);
    return 0;
}

/* ---- WebSocket ---- */

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, FIN = 0x80, MASKED = 0x80 };

int line_upgrade(struct line *line, const char *path)
{
    /* The key may be constant: it proves freshness against caches, and there are none here. */
    static const char headers[] = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: c2FuZGdhdGUgc29haywgb2s=\r\n"
                                  "Sec-WebSocket-Version: 13\r\n";
    if (line_begin(line, "GET", path, headers, NULL) < 0)
        return -1;
    if (line->status != 101)
        return fail(line, "%s: status %d instead of 101", path, line->status);
    return 0;
}

static int send_frame(struct line *line, int opcode, const char *data, size_t n)
{
    static const unsigned char mask[4] = {0x53, 0xa1, 0x7e, 0x0c};
    unsigned char frame[8 + 1024];
    size_t at = 2;
    if (n > 1024)
        return fail(line, "a frame of %zu bytes is more than this client sends", n);
    frame[0] = (unsigned char)(FIN | opcode);
    frame[1] = (unsigned char)(MASKED | (n > 125 ? 126 : n));
    if (n > 125) {
        frame[at++] = (unsigned char)(n >> 8);
        frame[at++] = (unsigned char)n;
    }
    memcpy(frame + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < n; i++)
        frame[at + i] = (unsigned char)(data[i] ^ mask[i % 4]);
    return line_send_raw(line, frame, at + n);
}

int line_send_text(struct line *line, const char *text)
{
    return send_frame(line, OP_TEXT, text, strlen(text));
}

static int read_frame(struct line *line, int *ret_first)
{
    int first = raw_byte(line), second = first >= 0 ? raw_byte(line) : -2;
    if (second < 0)
        return -1;
    size_t extra = second == 126 ? 2 : second == 127 ? 8 : 0, length = extra ? 0 : (size_t)second;
    while (extra--) {
        int c = raw_byte(line);
        if (c < 0)
            return -1;
        length = length << 8 | (size_t)c;
    }
    line->chunked = false;
    line->left = length;
    *ret_first = first;
    return read_body(line);
}

int line_read_message(struct line *line)
{
    for (;;) {
        int first;
        if (read_frame(line, &first) < 0)
            return -1;
        if (first == (FIN | OP_TEXT))
            return 0;
        if (first == (FIN | OP_CLOSE))
            return fail(line, "the gateway closed the WebSocket: %.100s",
                        line->body_length > 2 ? line->body + 2 : "");
        if (first == (FIN | OP_PING) &&
            send_frame(line, OP_PONG, line->body, line->body_length) < 0)
            return -1;
        if (first != (FIN | OP_PING) && first != (FIN | OP_PONG))
            return fail(line, "an unexpected frame (first byte %#x)", (unsigned)first);
    }
}

int line_leave(struct line *line)
{
    static const char normal[] = {0x03, (char)0xe8};
    int first = 0;
    if (send_frame(line, OP_CLOSE, normal, sizeof normal) < 0)
        return -1;
    while (first != (FIN | OP_CLOSE))
        if (read_frame(line, &first) < 0)
            return -1;
    line_close(line);
    return 0;
}
