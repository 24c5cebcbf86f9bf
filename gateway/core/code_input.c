/* What comes along with code: its files and its directory. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "core/code_run.h"

/* "a/b.txt", but neither "/a", "a//b", "a/", "./a" nor "a/../b". */
static bool stays_below(const char *name)
{
    if (strlen(name) >= PATH_MAX)
        return false;
    for (const char *part = name;;) {
        size_t n = strcspn(part, "/");
        if (n == 0 || n > NAME_MAX || (n == 1 && part[0] == '.') ||
            (n == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (!part[n])
            return true;
        part += n + 1;
    }
}

int code_files_check(const struct text_map *files, struct err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        const struct text_pair *file = &files->items[i];
        if (!stays_below(file->name.p))
            return err_field(err, "files",
                             "field 'files': '%.100s' is not a path below the directory the code "
                             "runs in",
                             file->name.p);
        if (!file->value.p)
            return err_field(err, "files", "field 'files': '%.100s' has no content", file->name.p);
    }
    return 0;
}

void code_files_write(struct jsonw *w, const struct text_map *files)
{
    jsonw_object(w);
    for (size_t i = 0; i < files->n; i++)
        jsonw_ktext(w, files->items[i].name.p, files->items[i].value.p, files->items[i].value.n);
    jsonw_object_end(w);
}

int code_cwd_check(struct text cwd, struct err *err)
{
    struct stat st;
    if (!cwd.p)
        return 0;
    if (stat(cwd.p, &st) < 0)
        return err_field(err, "cwd", "field 'cwd': %.300s: %s", cwd.p, strerrordesc_np(errno));
    if (!S_ISDIR(st.st_mode))
        return err_field(err, "cwd", "field 'cwd': %.300s is not a directory", cwd.p);
    return 0;
}
