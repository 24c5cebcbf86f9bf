/* desktop/xwd.h: the head of an X window dump, as Xvfb -fbdir keeps one (XWDFile.h). Pure. */
#ifndef SANDGATE_DESKTOP_XWD_H
#define SANDGATE_DESKTOP_XWD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct xwd {
    size_t offset; /* of the first pixel */
    size_t stride; /* bytes from row to row */
    int width, height;
};

#define XWD_HEAD 100 /* bytes of it that are looked at */

/* `head` are the first `n` bytes of a file of `file_size` bytes. Refuses (ERR_UNSUPPORTED) what is
 * not 32 bits a pixel, blue first, and what does not fit the file. */
int xwd_parse(const uint8_t *head, size_t n, uint64_t file_size, struct xwd *ret_xwd,
              struct err *err) MUST_CHECK;

#endif
