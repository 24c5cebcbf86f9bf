/* rfb.h: a viewer without a window: RFB 3.8 in a WebSocket, asking as noVNC 1.7 does at its default
 * settings. Offered are CopyRect, Tight with JPEG (quality 6, compression 2) and Raw, and noVNC's
 * size, cursor, fence and continuous-update extensions; after each update the next is asked for,
 * unless the server offers to send without being asked, which noVNC then accepts. Updates are
 * decoded into a framebuffer, so what a row counts is what a person would have seen. Whatever the
 * server may not send ends the program with a word. */
#ifndef BENCH_RFB_H
#define BENCH_RFB_H

#include "ws.h"

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

enum { RFB_STREAMS = 4 }; /* zlib streams of Tight */

struct area {
    int x, y, width, height;
};

struct rfb {
    struct wire wire;
    struct message unread; /* what is left of the last WebSocket message */
    int width, height;
    uint32_t *pixels; /* 0x00RRGGBB, width × height */
    /* JPEG rectangles outside are counted but not decoded: a viewer must not take the processor the
     * server is measured on. The whole screen until rfb_watch(). */
    struct area watched;
    z_stream streams[RFB_STREAMS];
    bool streams_open[RFB_STREAMS];
    bool continuous; /* the server sends without being asked */
    uint64_t bytes;  /* of RFB received */
    uint64_t updates, rectangles, area;
};

/* Connects, shakes hands and asks for the whole screen. */
void rfb_open(struct rfb *rfb, size_t port, const char *path);
void rfb_close(struct rfb *rfb);

/* Handles messages until an update with pixels is in the framebuffer and the next is asked for;
 * false when `deadline` (now_ns()) passes first. */
bool rfb_update(struct rfb *rfb, int64_t deadline);

void rfb_watch(struct rfb *rfb, struct area area);

/* The screen's pixel, or 0 outside. */
uint32_t rfb_pixel(const struct rfb *rfb, int x, int y);

void rfb_key(struct rfb *rfb, uint32_t keysym, bool down);
void rfb_pointer(struct rfb *rfb, int x, int y, int buttons);

/* For the decoders: the next `length` bytes of the connection. */
void rfb_read(struct rfb *rfb, void *to, size_t length);
uint32_t rfb_number(struct rfb *rfb, size_t bytes);

/* tight.c: reads one Tight rectangle. */
void tight_read(struct rfb *rfb, struct area area);
void tight_close(struct rfb *rfb);

#endif
