#include "core/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int pty_open(struct pty *pty, struct pty_size size, struct err *err)
{
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (pty->master < 0)
        return err_errno(err, errno, "cannot open a terminal");
    if (grantpt(pty->master) < 0 || unlockpt(pty->master) < 0 ||
        ptsname_r(pty->master, pty->slave, sizeof pty->slave) != 0) {
        int why = errno;
        pty_close(pty);
        return err_errno(err, why, "cannot open a terminal");
    }
    /* Erasing steps over whole characters only when the line discipline knows of UTF-8. */
    struct termios modes;
    if (tcgetattr(pty->master, &modes) == 0) {
        modes.c_iflag |= IUTF8;
        (void)tcsetattr(pty->master, TCSANOW, &modes);
    }
    pty_resize(pty, size);
    return 0;
}

void pty_close(struct pty *pty)
{
    if (pty->master >= 0)
        (void)close(pty->master);
    pty->master = -1;
}

void pty_resize(const struct pty *pty, struct pty_size size)
{
    struct winsize wanted = {.ws_col = size.cols, .ws_row = size.rows};
    (void)ioctl(pty->master, TIOCSWINSZ, &wanted);
}

struct pty_size pty_size(const struct pty *pty)
{
    struct winsize size = {0};
    (void)ioctl(pty->master, TIOCGWINSZ, &size);
    return (struct pty_size){size.ws_col, size.ws_row};
}

bool pty_reads_keys(const struct pty *pty)
{
    struct termios modes;
    return tcgetattr(pty->master, &modes) == 0 && !(modes.c_iflag & ICRNL);
}

pid_t pty_foreground(const struct pty *pty)
{
    pid_t group = -1;
    return ioctl(pty->master, TIOCGPGRP, &group) == 0 ? group : -1;
}

void pty_forget_input(const struct pty *pty)
{
    /* The master's flush reaches what is under way, the slave's what has arrived. */
    int slave = pty->master < 0 ? -1 : open(pty->slave, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master >= 0)
        (void)tcflush(pty->master, TCOFLUSH);
    if (slave < 0)
        return;
    (void)tcflush(slave, TCIFLUSH);
    (void)close(slave);
}
