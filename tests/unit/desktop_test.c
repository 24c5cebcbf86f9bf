#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "desktop/keynames.h"
#include "desktop/rfb.h"
#include "desktop/tiles.h"
#include "desktop/xwd.h"

/* ---- names of keys ---- */

static uint32_t key(const char *name)
{
    uint32_t keysym = 0;
    return keyname_find(name, strlen(name), &keysym) < 0 ? 0 : keysym;
}

static void keys_have_many_names(void)
{
    CHECK(key("a") == 'a' && key("A") == 'A' && key("\xc3\xa9") == 0xE9 && key(" ") == ' ');
    CHECK(key("\xe6\xbc\xa2") == 0x01006F22 && key("\xf0\x9f\x8e\x89") == 0x0101F389);
    CHECK(key("enter") == 0xFF0D && key("Return") == 0xFF0D && key("\n") == 0xFF0D);
    CHECK(key("ctrl") == 0xFFE3 && key("Control_L") == 0xFFE3 && key("CONTROL") == 0xFFE3);
    CHECK(key("page_up") == 0xFF55 && key("Page Up") == 0xFF55 && key("pgup") == 0xFF55);
    CHECK(key("f1") == 0xFFBE && key("F12") == 0xFFC9 && key("num0") == 0xFFB0);
    CHECK(key("KeyQ") == 'q' && key("Digit7") == '7');
}

static void what_is_no_key_is_told(void)
{
    CHECK(!key("") && !key("f0") && !key("f36") && !key("f01") && !key("f123") && !key("fx"));
    CHECK(!key("ctrl+c") && !key("hyperdrive") && !key("\x01") && !key("key1") && !key("keyab"));
    CHECK(!key("a name that is much longer than any key's name"));
}

/* ---- messages ---- */

static int parse(const void *data, size_t n, struct rfb_message *message, size_t *used)
{
    struct err err;
    return rfb_parse(data, n, message, used, &err);
}

static void messages_may_come_in_pieces(void)
{
    static const uint8_t keys[] = {4, 1, 0, 0, 0, 0, 0xFF, 0xE1, 5};
    struct rfb_message message;
    size_t used;
    for (size_t n = 0; n < 8; n++) {
        CHECK(parse(keys, n, &message, &used) == 0);
        CHECK(used == (n == 0 ? 1 : 8));
    }
    CHECK(parse(keys, sizeof keys, &message, &used) == 1 && used == 8);
    CHECK(message.kind == RFB_KEY && message.down && message.keysym == 0xFFE1);
}

static void lengths_have_ceilings(void)
{
    static const uint8_t text[] = {6, 0, 0, 0, 0, 0x10, 0, 1};
    static const uint8_t extended[] = {6, 0, 0, 0, 0x80, 0, 0, 0};
    static const uint8_t encodings[] = {2, 0, 1, 1};
    static const uint8_t largest[] = {6, 0, 0, 0, 0, 0x10, 0, 0};
    struct rfb_message message;
    size_t used;
    CHECK(parse(text, sizeof text, &message, &used) < 0);
    CHECK(parse(extended, sizeof extended, &message, &used) < 0);
    CHECK(parse(encodings, sizeof encodings, &message, &used) < 0);
    CHECK(parse(largest, sizeof largest, &message, &used) == 0 && used == 8 + (1 << 20));
}

static void texts_survive_the_wire(void)
{
    static const char text[] = "na\xc3\xafve\ntwo \xf0\x9f\x8e\x89";
    struct bytes out = BYTES_INIT(4096), back = BYTES_INIT(4096);
    struct rfb_message message = {.kind = RFB_CUT_TEXT, .extended = true};
    struct err err;
    CHECK(clip_write_text(&out, text, sizeof text - 1, &err) == 0);
    message.data = (const uint8_t *)out.data + 8;
    message.count = out.len - 8;
    CHECK(clip_text(&message, &back, &err) == 0);
    CHECK_TEXT(bytes_text(&back), text);
    bytes_clear(&out);
    clip_write_latin1(&out, text, sizeof text - 1);
    CHECK(out.len == 8 + 11 && memcmp(out.data + 8, "na\xefve\ntwo ?", 11) == 0);
    bytes_done(&out);
    bytes_done(&back);
}

/* ---- the screen's file ---- */

static void put(uint8_t *head, size_t field, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        head[field * 4 + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void the_file_must_hold_what_it_says(void)
{
    uint8_t head[XWD_HEAD] = {0};
    const uint32_t fields[] = {160, 7,  2,   24, 64,       32,     0,    0, 32,  0,
                               32,  32, 256, 4,  0xFF0000, 0xFF00, 0xFF, 8, 256, 256};
    uint64_t size = 160 + 256 * 12 + 256 * 32;
    struct xwd xwd;
    struct err err;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        put(head, i, fields[i]);
    CHECK(xwd_parse(head, sizeof head, size, &xwd, &err) == 0);
    CHECK(xwd.offset == 160 + 256 * 12 && xwd.stride == 256 && xwd.width == 64);
    CHECK(xwd_parse(head, sizeof head, size - 1, &xwd, &err) < 0);
    CHECK(xwd_parse(head, sizeof head - 1, size, &xwd, &err) < 0);
    put(head, 5, 0xFFFFFFFF);
    CHECK(xwd_parse(head, sizeof head, size, &xwd, &err) < 0);
    put(head, 5, 32);
    put(head, 11, 16);
    CHECK(xwd_parse(head, sizeof head, size, &xwd, &err) < 0);
}

/* ---- what changed ---- */

static uint32_t pixels[100 * 70];
static const struct screen screen = {
    .pixels = (const uint8_t *)pixels, .stride = sizeof pixels / 70, .width = 100, .height = 70};
static const struct rect everything = {0, 0, 100, 70};

static int changed(struct tiles *tiles, struct rect out[static TILES_MAX_OUT])
{
    return tiles_changed(tiles, &everything, 1, out);
}

static void only_tiles_that_changed_are_told(void)
{
    struct rect out[TILES_MAX_OUT];
    struct tiles *tiles = calloc(1, sizeof *tiles);
    if (!tiles)
        abort();
    tiles_init(tiles, &screen);
    CHECK(changed(tiles, out) == 1 && out[0].width == 100 && out[0].height == 70);
    CHECK(changed(tiles, out) == 0);
    pixels[69 * 100 + 99] = 1;
    CHECK(changed(tiles, out) == 1);
    CHECK(out[0].x == 96 && out[0].y == 64 && out[0].width == 4 && out[0].height == 6);
    struct rect elsewhere = {0, 0, 5, 5};
    pixels[50] = 7;
    CHECK(tiles_changed(tiles, &elsewhere, 1, out) == 0);
    struct rect beyond = {90, 0, 1000, 1000}, off = {-50, 200, 20, 20};
    CHECK(tiles_changed(tiles, &beyond, 1, out) == 0 && tiles_changed(tiles, &off, 1, out) == 0);
    free(tiles);
}

static void what_came_and_went_is_told_later(void)
{
    struct rect out[TILES_MAX_OUT];
    struct tiles *tiles = calloc(1, sizeof *tiles);
    if (!tiles)
        abort();
    tiles_init(tiles, &screen);
    (void)changed(tiles, out);
    CHECK(changed(tiles, out) == 0);
    CHECK(tiles_doubtful(tiles, out) == 1 && out[0].width == 100);
    CHECK(tiles_doubtful(tiles, out) == 0);
    pixels[0]++;
    CHECK(changed(tiles, out) == 1 && out[0].width == TILE_SIDE);
    free(tiles);
}

static void too_many_become_one(void)
{
    static uint32_t big[512 * 512];
    static const struct screen large = {
        .pixels = (const uint8_t *)big, .stride = 512 * 4, .width = 512, .height = 512};
    static const struct rect all = {0, 0, 512, 512};
    struct rect out[TILES_MAX_OUT];
    struct tiles *tiles = calloc(1, sizeof *tiles);
    if (!tiles)
        abort();
    tiles_init(tiles, &large);
    (void)tiles_changed(tiles, &all, 1, out);
    /* A chessboard. */
    for (size_t y = 0; y < 512; y += TILE_SIDE)
        for (size_t x = y / TILE_SIDE % 2 * TILE_SIDE; x < 512; x += (size_t)2 * TILE_SIDE)
            big[y * 512 + x] = 1;
    int count = tiles_changed(tiles, &all, 1, out);
    CHECK(count == 1 && out[0].width == 512 && out[0].height == 512);
    free(tiles);
}

int main(void)
{
    RUN(keys_have_many_names);
    RUN(what_is_no_key_is_told);
    RUN(messages_may_come_in_pieces);
    RUN(lengths_have_ceilings);
    RUN(texts_survive_the_wire);
    RUN(the_file_must_hold_what_it_says);
    RUN(only_tiles_that_changed_are_told);
    RUN(what_came_and_went_is_told_later);
    RUN(too_many_become_one);
    return CHECK_DONE();
}
