#include "desktop/shared.h"

#include <stdlib.h>
#include <string.h>

struct text *text_new(const char *data, size_t n)
{
    struct text *text = malloc(sizeof *text + n);
    if (!text)
        return NULL;
    atomic_init(&text->refs, 1);
    text->n = n;
    if (n)
        memcpy(text->data, data, n);
    return text;
}

struct text *text_ref(struct text *text)
{
    if (text)
        atomic_fetch_add(&text->refs, 1);
    return text;
}

void text_unref(struct text *text)
{
    if (text && atomic_fetch_sub(&text->refs, 1) == 1)
        free(text);
}

struct shape *shape_new(int width, int height)
{
    struct shape *shape =
        malloc(sizeof *shape + (size_t)width * (size_t)height * sizeof *shape->pixels);
    if (!shape)
        return NULL;
    atomic_init(&shape->refs, 1);
    shape->width = width;
    shape->height = height;
    return shape;
}

struct shape *shape_ref(struct shape *shape)
{
    if (shape)
        atomic_fetch_add(&shape->refs, 1);
    return shape;
}

void shape_unref(struct shape *shape)
{
    if (shape && atomic_fetch_sub(&shape->refs, 1) == 1)
        free(shape);
}
