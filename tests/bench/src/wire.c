/* wire.c: see wire.h. */
#include "wire.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void wire_open(struct wire *wire, size_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = WIRE_TIMEOUT};
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    wire->start = wire->end = 0;
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        die("socket: %s", strerror(errno));
    if (connect(wire->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect to port %zu: %s", port, strerror(errno));
    if (setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
        die("setsockopt: %s", strerror(errno));
}

void wire_close(struct wire *wire)
{
    close(wire->fd);
    wire->fd = -1;
}

void wire_send(struct wire *wire, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t sent = send(wire->fd, at, length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            die("send: %s", strerror(errno));
        at += sent;
        length -= (size_t)sent;
    }
}

void wire_fill(struct wire *wire)
{
    ssize_t got;

    if (wire->start == wire->end)
        wire->start = wire->end = 0;
    if (wire->end == WIRE_BUFFER && wire->start > 0) {
        memmove(wire->buffer, wire->buffer + wire->start, wire->end - wire->start);
        wire->end -= wire->start;
        wire->start = 0;
    }
    if (wire->end == WIRE_BUFFER)
        die("the peer sent more than %d bytes where less was due", WIRE_BUFFER);
    do
        got = recv(wire->fd, wire->buffer + wire->end, WIRE_BUFFER - wire->end, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        die("the peer closed the connection");
    if (got < 0)
        die("recv: %s", strerror(errno));
    wire->end += (size_t)got;
}

void wire_need(struct wire *wire, size_t length)
{
    if (length > WIRE_BUFFER)
        die("a message of %zu bytes is more than this client takes", length);
    if (wire->start + length > WIRE_BUFFER) {
        memmove(wire->buffer, wire->buffer + wire->start, wire->end - wire->start);
        wire->end -= wire->start;
        wire->start = 0;
    }
    while (wire->end - wire->start < length)
        wire_fill(wire);
}

/* The value of header `name` (given with its colon) inside the head, or NULL. */
static const char *header(const char *head, const char *name)
{
    const char *line = head;

    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0)
            return line + strlen(name);
    }
    return NULL;
}

struct reply wire_head(struct wire *wire)
{
    struct reply reply = {0};
    char *head, *stop;
    const char *length;

    for (;;) {
        head = wire->buffer + wire->start;
        stop = memmem(head, wire->end - wire->start, "\r\n\r\n", 4);
        if (stop != NULL)
            break;
        wire_fill(wire);
    }
    stop[2] = '\0'; /* ends the head for the text functions, keeping its last CRLF */
    if (strncmp(head, "HTTP/1.1 ", 9) != 0)
        die("not an HTTP/1.1 answer: %.40s", head);
    reply.status = (int)strtol(head + 9, NULL, 10);
    length = header(head, "content-length:");
    if (length != NULL)
        reply.length = strtoull(length, NULL, 10);
    else if (reply.status != 101)
        die("status %d without a Content-Length", reply.status);
    wire->start = (size_t)(stop + 4 - wire->buffer);
    return reply;
}

void wire_drop(struct wire *wire, size_t length)
{
    for (;;) {
        size_t have = wire->end - wire->start;

        if (have >= length) {
            wire->start += length;
            return;
        }
        length -= have;
        wire->start = wire->end;
        wire_fill(wire);
    }
}

char *http_request(const char *path, const char *body)
{
    char *text = NULL;
    int made;

    if (body == NULL)
        made = asprintf(&text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    else
        made = asprintf(&text,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        path, strlen(body), body);
    if (made < 0)
        die("out of memory");
    return text;
}

void http_ask(struct wire *wire, const char *request, const char *expect)
{
    struct reply reply;
    const char *body;

    wire_send(wire, request, strlen(request));
    reply = wire_head(wire);
    wire_need(wire, reply.length);
    body = wire->buffer + wire->start;
    wire->start += reply.length;
    if (reply.status != 200)
        die("status %d: %.*s", reply.status, (int)reply.length, body);
    if (expect != NULL && memmem(body, reply.length, expect, strlen(expect)) == NULL)
        die("no %s in the answer: %.*s", expect, (int)reply.length, body);
}
