/* core/file_draft.h: a file takes its place whole or not at all.
 *
 * A draft is written beside its destination and then renamed over it, so that readers see the old
 * version or the new one. It has no name until the end where the file system can do that, and then
 * one in the gateway's own folder where that is on the same file system: so nothing is left behind
 * even by a crash. An existing file keeps its mode, owner and links: links
 * to it are followed, and where it cannot be replaced without losing something (further hard links,
 * an owner we cannot give, a directory we cannot write, a mount point) its content is overwritten
 * instead. Any thread; a draft has one owner. */
#ifndef SANDGATE_CORE_FILE_DRAFT_H
#define SANDGATE_CORE_FILE_DRAFT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

struct files;

struct file_draft {
    int fd;        /* write here; -1: no draft */
    int dir;       /* where `name` is */
    char name[32]; /* "": it has none */
};

#define FILE_DRAFT_NONE ((struct file_draft){.fd = -1, .dir = -1})

/* Which version of a file was read. */
struct file_version {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};
struct file_version file_version_of(const struct stat *st);

/* A draft of what is to become `path`. Missing parents are made. Fails where the destination could
 * not be written at the end either. */
int file_draft_open(const char *path, struct file_draft *ret_draft, struct err *err) MUST_CHECK;
/* A draft whose destination is not known yet; `directory` is where it most likely will be. */
int file_draft_open_in(const char *directory, struct file_draft *ret_draft,
                       struct err *err) MUST_CHECK;

/* Put the draft at `path`. It is gone afterwards, whatever the outcome. With `expected` given, only
 * if that is still the version there: ERR_CONFLICT otherwise. */
int file_draft_commit(struct files *files, struct file_draft *draft, const char *path,
                      const struct file_version *expected, struct err *err) MUST_CHECK;
void file_draft_discard(struct file_draft *draft);

/* mkdir -p. */
int file_make_directories(const char *path, struct err *err) MUST_CHECK;

#endif
