/* desktop/shared.h: things that several threads look at and none changes, counted. Any thread. */
#ifndef SANDGATE_DESKTOP_SHARED_H
#define SANDGATE_DESKTOP_SHARED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Text of a clipboard: valid UTF-8, lines end with a line feed. */
struct text {
    atomic_int refs;
    size_t n;
    char data[];
};

/* The pointer's picture: rows of 0xAARRGGBB, colours multiplied by alpha already. */
struct shape {
    atomic_int refs;
    int width, height, hot_x, hot_y;
    uint32_t pixels[];
};

/* A copy with one reference; NULL when memory is out. */
struct text *text_new(const char *data, size_t n);
struct text *text_ref(struct text *text);
/* NULL is fine, here and below. */
void text_unref(struct text *text);

/* Pixels are to be filled in; NULL when memory is out. */
struct shape *shape_new(int width, int height);
struct shape *shape_ref(struct shape *shape);
void shape_unref(struct shape *shape);

#endif
