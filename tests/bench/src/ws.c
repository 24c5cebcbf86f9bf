/* ws.c: see ws.h. */
#include "ws.h"

#include "clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OP_TEXT = 1,
    OP_BINARY = 2,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
    FIN = 0x80,
    MASKED = 0x80,
    SMALL = 125
};

void ws_open(struct wire *wire, size_t port, const char *path, const char *protocol)
{
    struct reply reply;
    char *request;

    wire_open(wire, port);
    /* The key may be constant: it proves freshness against caches, and there are none on loopback.
     */
    if (asprintf(&request,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%zu\r\nUpgrade: websocket\r\nConnection: "
                 "Upgrade\r\nOrigin: http://127.0.0.1:%zu\r\n"
                 "Sec-WebSocket-Key: c2FuZGdhdGUgYmVuY2ggIQ==\r\nSec-WebSocket-Version: "
                 "13\r\n%s%s%s\r\n",
                 path, port, port, protocol ? "Sec-WebSocket-Protocol: " : "",
                 protocol ? protocol : "", protocol ? "\r\n" : "") < 0)
        die("out of memory");
    wire_send(wire, request, strlen(request));
    free(request);
    reply = wire_head(wire);
    if (reply.status != 101)
        die("%s answered status %d instead of 101", path, reply.status);
}

static void send_frame(struct wire *wire, int opcode, const void *data, size_t length)
{
    static const uint8_t mask[4] = {0x53, 0xa1, 0x7e, 0x0c};
    const uint8_t *bytes = data;
    uint8_t frame[8 + 1024];
    size_t head = 2;

    if (length > 1024)
        die("a frame of %zu bytes is more than this client sends", length);
    frame[0] = (uint8_t)(FIN | opcode);
    frame[1] = (uint8_t)(MASKED | (length > SMALL ? 126 : length));
    if (length > SMALL) {
        frame[2] = (uint8_t)(length >> 8);
        frame[3] = (uint8_t)length;
        head = 4;
    }
    memcpy(frame + head, mask, sizeof(mask));
    head += sizeof(mask);
    for (size_t i = 0; i < length; i++)
        frame[head + i] = bytes[i] ^ mask[i % 4];
    wire_send(wire, frame, head + length);
}

void ws_send_text(struct wire *wire, const char *text)
{
    send_frame(wire, OP_TEXT, text, strlen(text));
}

void ws_send_binary(struct wire *wire, const void *bytes, size_t length)
{
    send_frame(wire, OP_BINARY, bytes, length);
}

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Reads one whole frame into the buffer and returns its payload. */
static struct message read_frame(struct wire *wire, int *ret_first)
{
    struct message payload;
    size_t extra, length;
    const uint8_t *head;

    wire_need(wire, 2);
    head = (const uint8_t *)wire->buffer + wire->start;
    extra = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0;
    wire_need(wire, 2 + extra);
    head = (const uint8_t *)wire->buffer + wire->start; /* the bytes may have moved */
    if (head[1] & MASKED)
        die("the server masked a frame");
    *ret_first = head[0];
    length = extra > 0 ? big_endian(head + 2, extra) : head[1];
    wire->start += 2 + extra;
    wire_need(wire, length);
    payload.data = wire->buffer + wire->start;
    payload.length = length;
    wire->start += length;
    return payload;
}

struct message ws_read(struct wire *wire)
{
    for (;;) {
        int first;
        struct message message = read_frame(wire, &first);

        switch (first) {
        case FIN | OP_TEXT:
        case FIN | OP_BINARY:
            return message;
        case FIN | OP_PING:
            send_frame(wire, OP_PONG, message.data, message.length);
            break;
        case FIN | OP_PONG:
            break;
        case FIN | OP_CLOSE:
            die("the server closed the WebSocket");
        default:
            die("unexpected frame (first byte %#x)", (unsigned)first);
        }
    }
}
