#include "desktop/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "desktop/xwd.h"

int screen_open(struct screen *screen, const char *folder, struct err *err)
{
    char path[512];
    struct stat st;
    struct xwd xwd;
    (void)snprintf(path, sizeof path, "%s/Xvfb_screen0", folder);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, errno, "cannot open the screen's file %s", path);
    if (st.st_size < XWD_HEAD)
        return err_set(err, ERR_UNSUPPORTED, "the screen's file %s is too short", path);
    size_t size = (size_t)st.st_size;
    uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return err_errno(err, errno, "cannot map the screen's file %s", path);
    if (xwd_parse(map, size, size, &xwd, err) < 0) {
        (void)munmap(map, size);
        return -1;
    }
    *screen = (struct screen){.map = map,
                              .map_size = size,
                              .pixels = map + xwd.offset,
                              .stride = xwd.stride,
                              .width = xwd.width,
                              .height = xwd.height,
                              .max_width = xwd.width,
                              .max_height = xwd.height};
    return 0;
}

int screen_set_size(struct screen *screen, int width, int height, struct err *err)
{
    if (width < 1 || height < 1 || width > screen->max_width || height > screen->max_height)
        return err_set(err, ERR_INTERNAL, "the screen of %d by %d pixels is not in its file", width,
                       height);
    screen->width = width;
    screen->height = height;
    return 0;
}

void screen_let_go(const struct screen *screen)
{
    (void)madvise(screen->map, screen->map_size, MADV_DONTNEED);
}
