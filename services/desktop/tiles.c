#include "desktop/tiles.h"

#include <string.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Rectangles on their way out: neighbours of the row of tiles above grow downwards. */
struct out {
    struct rect *rects;
    int count;
    bool overflow;
};

void rect_extend(struct rect *rect, const struct rect *by)
{
    int right = rect->x + rect->width, bottom = rect->y + rect->height;
    int by_right = by->x + by->width, by_bottom = by->y + by->height;
    rect->x = rect->x < by->x ? rect->x : by->x;
    rect->y = rect->y < by->y ? rect->y : by->y;
    rect->width = (right > by_right ? right : by_right) - rect->x;
    rect->height = (bottom > by_bottom ? bottom : by_bottom) - rect->y;
}

void tiles_init(struct tiles *tiles, const struct screen *screen)
{
    memset(tiles, 0, sizeof *tiles);
    tiles->screen = screen;
    (void)!getrandom(&tiles->seed, sizeof tiles->seed, 0);
}

void tiles_forget(struct tiles *tiles)
{
    memset(tiles->tiles, 0, sizeof tiles->tiles);
    tiles->doubts = false;
}

static uint64_t hash_of(const struct tiles *tiles, int row, int column)
{
    const struct screen *screen = tiles->screen;
    int x = column * TILE_SIDE, y = row * TILE_SIDE;
    int width = screen->width - x < TILE_SIDE ? screen->width - x : TILE_SIDE;
    int height = screen->height - y < TILE_SIDE ? screen->height - y : TILE_SIDE;
    const uint8_t *at = screen->pixels + screen->stride * (size_t)y + (size_t)x * 4;
    uint64_t hash = tiles->seed;
    for (int i = 0; i < height; i++, at += screen->stride)
        hash = XXH3_64bits_withSeed(at, (size_t)width * 4, hash);
    return hash ? hash : 1;
}

/* Once in a round, however many rectangles touch it. */
static bool has_changed(struct tiles *tiles, int row, int column)
{
    struct tile *tile = &tiles->tiles[row][column];
    if (tile->round == tiles->round)
        return false;
    uint64_t hash = hash_of(tiles, row, column);
    bool changed = hash != tile->hash;
    tile->round = tiles->round;
    tile->hash = hash;
    if (!changed && tile->told)
        tile->doubt = tiles->doubts = true;
    tile->told = changed;
    return changed;
}

static void put(struct out *out, const struct rect *rect)
{
    for (int i = out->count - 1; i >= 0; i--) {
        struct rect *above = &out->rects[i];
        if (above->x == rect->x && above->width == rect->width &&
            above->y + above->height == rect->y) {
            above->height += rect->height;
            return;
        }
    }
    if (out->count == TILES_MAX_OUT) {
        for (int i = 1; i < out->count; i++)
            rect_extend(&out->rects[0], &out->rects[i]);
        out->count = 1;
        out->overflow = true;
    }
    if (out->overflow)
        rect_extend(&out->rects[0], rect);
    else
        out->rects[out->count++] = *rect;
}

/* Whole tiles, wherever in them was drawn: the hash is of what is there now, and that may already
 * hold what the server tells as drawn the next time. */
static void put_run(const struct screen *screen, struct out *out, int row, int begin, int end)
{
    struct rect rect = {begin * TILE_SIDE, row * TILE_SIDE, (end - begin) * TILE_SIDE, TILE_SIDE};
    if (rect.x + rect.width > screen->width)
        rect.width = screen->width - rect.x;
    if (rect.y + rect.height > screen->height)
        rect.height = screen->height - rect.y;
    put(out, &rect);
}

/* Runs of tiles for which `test` holds. */
static void put_tiles(struct tiles *tiles, const struct rect *within,
                      bool (*test)(struct tiles *tiles, int row, int column), struct out *out)
{
    int right = (within->x + within->width + TILE_SIDE - 1) / TILE_SIDE;
    int bottom = (within->y + within->height + TILE_SIDE - 1) / TILE_SIDE;
    for (int row = within->y / TILE_SIDE; row < bottom; row++) {
        int begin = -1;
        for (int column = within->x / TILE_SIDE; column < right; column++) {
            bool holds = test(tiles, row, column);
            if (holds && begin < 0)
                begin = column;
            if (!holds && begin >= 0) {
                put_run(tiles->screen, out, row, begin, column);
                begin = -1;
            }
        }
        if (begin >= 0)
            put_run(tiles->screen, out, row, begin, right);
    }
}

/* -1: nothing of it is on the screen. */
static int clip(const struct screen *screen, const struct rect *from, struct rect *ret_rect)
{
    int x1 = from->x < 0 ? 0 : from->x, y1 = from->y < 0 ? 0 : from->y;
    int x2 = from->x + from->width, y2 = from->y + from->height;
    x2 = x2 < screen->width ? x2 : screen->width;
    y2 = y2 < screen->height ? y2 : screen->height;
    *ret_rect = (struct rect){x1, y1, x2 - x1, y2 - y1};
    return x1 < x2 && y1 < y2 ? 0 : -1;
}

int tiles_changed(struct tiles *tiles, const struct rect *drawn, int count,
                  struct rect out[static TILES_MAX_OUT])
{
    struct out to = {.rects = out};
    tiles->round++;
    for (int i = 0; i < count; i++) {
        struct rect rect;
        if (clip(tiles->screen, &drawn[i], &rect) == 0)
            put_tiles(tiles, &rect, has_changed, &to);
    }
    return to.count;
}

static bool take_doubt(struct tiles *tiles, int row, int column)
{
    struct tile *tile = &tiles->tiles[row][column];
    bool doubt = tile->doubt;
    tile->doubt = false;
    if (doubt)
        tile->told = true;
    return doubt;
}

int tiles_doubtful(struct tiles *tiles, struct rect out[static TILES_MAX_OUT])
{
    struct out to = {.rects = out};
    struct rect all = {0, 0, tiles->screen->width, tiles->screen->height};
    if (!tiles->doubts)
        return 0;
    tiles->doubts = false;
    put_tiles(tiles, &all, take_doubt, &to);
    return to.count;
}
