/* The head of the screen's file. Input: the length of the file by its lowest four bytes, then the
 * file. */
#include "fuzz.h"

#include "desktop/xwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xwd xwd;
    struct err err;
    uint32_t length;
    if (size < sizeof length)
        return 0;
    memcpy(&length, data, sizeof length);
    if (xwd_parse(data + sizeof length, size - sizeof length, length, &xwd, &err) < 0)
        return 0;
    HOLDS(xwd.width > 0 && xwd.height > 0 && xwd.stride >= (size_t)xwd.width * 4);
    HOLDS(xwd.offset % 4 == 0 && xwd.offset >= XWD_HEAD);
    HOLDS(xwd.offset + xwd.stride * (size_t)xwd.height <= length);
    return 0;
}
