#include "core/browser_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/jsonw.h"

#define FILE_MAX (1 * MIB)

static const struct field fields[] = {BROWSER_SETTINGS_FIELDS(0), FIELDS_END};

int browser_settings_read(struct arena *arena, const char *folder,
                          struct browser_settings *ret_settings, struct err *err)
{
    cleanup_bytes struct bytes text = BYTES_INIT(FILE_MAX);
    struct bytes unknown = BYTES_INIT(0);
    char chunk[4096];
    ssize_t n = 0;
    const char *path = arena_printf(arena, "%s/" BROWSER_SETTINGS_FILE, folder);
    if (!path)
        return err_memory(err);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
        (void)bytes_add(&text, chunk, (size_t)n);
    if ((fd < 0 && errno != ENOENT) || n < 0)
        return err_errno(err, errno, "cannot read %s", path);
    return json_decode(arena, text.data, text.len, fields, ret_settings, sizeof *ret_settings,
                       &unknown, err);
}

static void write_list(struct jsonw *w, const char *name, const struct text_list *list)
{
    if (!list->given)
        return;
    jsonw_key(w, name);
    jsonw_array(w);
    for (size_t i = 0; i < list->n; i++)
        jsonw_text(w, list->items[i].p, list->items[i].n);
    jsonw_array_end(w);
}

static void write_settings(const struct browser_settings *s, struct bytes *out)
{
    struct jsonw w = jsonw_on(out);
    jsonw_object(&w);
    write_list(&w, "url_blocklist", &s->url_blocklist);
    write_list(&w, "url_allowlist", &s->url_allowlist);
    if (s->file_dialogs != SWITCH_ABSENT)
        jsonw_kbool(&w, "allow_file_selection_dialogs", s->file_dialogs == 1);
    if (s->locale.p)
        jsonw_ktext(&w, "locale", s->locale.p, s->locale.n);
    jsonw_object_end(&w);
}

/* Whole or not at all: written beside it, then renamed over it. */
static int replace_file(struct arena *arena, const char *folder, const struct bytes *text,
                        struct err *err)
{
    const char *path = arena_printf(arena, "%s/" BROWSER_SETTINGS_FILE, folder);
    const char *beside = arena_printf(arena, "%s/." BROWSER_SETTINGS_FILE, folder);
    if (!path || !beside || text->failed)
        return err_memory(err);
    cleanup_close int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text->data, text->len) != (ssize_t)text->len ||
        rename(beside, path) < 0)
        return err_errno(err, errno, "cannot write %s", path);
    return 0;
}

int browser_settings_change(struct arena *arena, const char *folder,
                            const struct browser_settings *change, struct err *err)
{
    struct browser_settings now;
    cleanup_bytes struct bytes text = BYTES_INIT(FILE_MAX);
    (void)mkdir(folder, 0700);
    if (browser_settings_read(arena, folder, &now, err) < 0)
        return -1;
    if (change->url_blocklist.given)
        now.url_blocklist = change->url_blocklist;
    if (change->url_allowlist.given)
        now.url_allowlist = change->url_allowlist;
    if (change->file_dialogs != SWITCH_ABSENT)
        now.file_dialogs = change->file_dialogs;
    if (change->locale.p)
        now.locale = change->locale;
    write_settings(&now, &text);
    return replace_file(arena, folder, &text, err);
}
