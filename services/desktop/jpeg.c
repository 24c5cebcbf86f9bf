/* JPEG by libjpeg-turbo, which takes the screen's pixels as they are. */
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
/* needs stdio's FILE and stddef's size_t to be known */
#include <jpeglib.h>

#include "desktop/image.h"

#define PIECE 65536

/* The library's structures first: it hands back pointers to them. */
struct sink {
    struct jpeg_destination_mgr manager;
    struct bytes *out;
};
struct failure {
    struct jpeg_error_mgr manager;
    jmp_buf out;
    char text[JMSG_LENGTH_MAX];
};

static void on_failure(j_common_ptr jpeg)
{
    struct failure *failure = (struct failure *)jpeg->err;
    jpeg->err->format_message(jpeg, failure->text);
    longjmp(failure->out, 1);
}

static void no_memory(j_compress_ptr jpeg)
{
    struct failure *failure = (struct failure *)jpeg->err;
    (void)snprintf(failure->text, sizeof failure->text, "out of memory");
    longjmp(failure->out, 1);
}

static void on_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void offer_piece(j_compress_ptr jpeg)
{
    struct sink *sink = (struct sink *)jpeg->dest;
    if (bytes_reserve(sink->out, PIECE) < 0)
        no_memory(jpeg);
    sink->manager.next_output_byte = (JOCTET *)sink->out->data + sink->out->len;
    sink->manager.free_in_buffer = PIECE;
}

/* The piece is full, whatever the pointers say. */
static boolean go_on(j_compress_ptr jpeg)
{
    struct sink *sink = (struct sink *)jpeg->dest;
    sink->out->len += PIECE;
    offer_piece(jpeg);
    return TRUE;
}

static void end(j_compress_ptr jpeg)
{
    struct sink *sink = (struct sink *)jpeg->dest;
    sink->out->len += PIECE - sink->manager.free_in_buffer;
}

static void write_rows(j_compress_ptr jpeg, const struct screen *screen)
{
    while (jpeg->next_scanline < jpeg->image_height) {
        /* The library does not write to rows it is given to compress. */
        JSAMPROW rows[16];
        JDIMENSION count = 0;
        while (count < 16 && jpeg->next_scanline + count < jpeg->image_height) {
            rows[count] =
                (JSAMPROW)(screen->pixels + screen->stride * (jpeg->next_scanline + count));
            count++;
        }
        (void)jpeg_write_scanlines(jpeg, rows, count);
    }
}

int jpeg_encode(const struct screen *screen, int quality, struct bytes *out, struct err *err)
{
    struct jpeg_compress_struct jpeg;
    struct failure failure;
    struct sink sink = {.manager = {.init_destination = offer_piece,
                                    .empty_output_buffer = go_on,
                                    .term_destination = end},
                        .out = out};
    jpeg.err = jpeg_std_error(&failure.manager);
    failure.manager.error_exit = on_failure;
    failure.manager.output_message = on_message;
    if (setjmp(failure.out)) {
        jpeg_destroy_compress(&jpeg);
        return err_set(err, ERR_SYSTEM, "the JPEG could not be made: %s", failure.text);
    }
    jpeg_create_compress(&jpeg);
    jpeg.dest = &sink.manager;
    jpeg.image_width = (JDIMENSION)screen->width;
    jpeg.image_height = (JDIMENSION)screen->height;
    jpeg.input_components = 4;
    jpeg.in_color_space = JCS_EXT_BGRX;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality < 1 ? 1 : quality, TRUE);
    jpeg.dct_method = JDCT_ISLOW;
    jpeg_start_compress(&jpeg, TRUE);
    write_rows(&jpeg, screen);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return 0;
}
