/* core/editor: the five commands on small files, the history's order and ceilings, and views of
 * files that are large. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "core/editor.h"
#include "core/file_draft.h"
#include "core/file_problem.h"
#include "core/files.h"

static char root[64], path[PATH_MAX];
static struct files *files;

static struct editor_request request(enum editor_command command)
{
    return (struct editor_request){.command = (int)command,
                                   .path = {path, strlen(path)},
                                   .insert_line = INT_ABSENT,
                                   .replace_mode = CHOICE_ABSENT};
}

static struct text text_of(const char *p)
{
    return (struct text){p, strlen(p)};
}

static int run(const struct editor_request *in, struct bytes *out, struct err *err)
{
    *out = BYTES_INIT(32 * MIB);
    struct jsonw w = jsonw_on(out);
    return editor_run(files, in, &w, err);
}

static int done(const struct editor_request *in)
{
    struct bytes out;
    struct err err = ERR_INIT;
    int r = run(in, &out, &err);
    bytes_done(&out);
    return r;
}

static void put(const char *content, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, content, n) == (ssize_t)n);
    (void)close(fd);
}

static const char *get(void)
{
    static char content[65536];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, content, sizeof content - 1);
    (void)close(fd);
    content[n > 0 ? n : 0] = '\0';
    return content;
}

static int replace(const char *old, const char *new)
{
    struct editor_request in = request(EDITOR_STR_REPLACE);
    in.old_str = text_of(old);
    in.new_str = text_of(new);
    return done(&in);
}

static int undo(void)
{
    struct editor_request in = request(EDITOR_UNDO);
    return done(&in);
}

static void undo_walks_back(void)
{
    put("one\n", 4);
    CHECK(replace("one", "two") == 0 && replace("two", "three") == 0);
    CHECK(undo() == 0);
    CHECK_TEXT(get(), "two\n");
    CHECK(undo() == 0);
    CHECK_TEXT(get(), "one\n");
    CHECK(undo() < 0);
}

static size_t entries(void)
{
    char folder[PATH_MAX];
    size_t n = 0;
    (void)snprintf(folder, sizeof folder, "%s/edits", root);
    DIR *dir = opendir(folder);
    for (const struct dirent *d; dir && (d = readdir(dir));)
        n += d->d_name[0] != '.';
    if (dir)
        (void)closedir(dir);
    return n;
}

static void history_has_a_ceiling(void)
{
    char old[16], new[16];
    put("v0", 2);
    for (int i = 0; i < HISTORY_PER_FILE + 10; i++) {
        (void)snprintf(old, sizeof old, "v%d", i);
        (void)snprintf(new, sizeof new, "v%d", i + 1);
        CHECK(replace(old, new) == 0);
    }
    CHECK(entries() == HISTORY_PER_FILE);
    int undone = 0;
    while (undo() == 0)
        undone++;
    CHECK(undone == HISTORY_PER_FILE);
    CHECK_TEXT(get(), "v10");
    CHECK(entries() == 0);
}

static void a_refused_edit_leaves_no_history(void)
{
    put("a a\n", 4);
    CHECK(replace("a", "b") < 0 && replace("x", "y") < 0 && replace("a", "a") < 0);
    CHECK_TEXT(get(), "a a\n");
    CHECK(entries() == 0);
}

static void *add_line(void *arg)
{
    struct editor_request in = request(EDITOR_INSERT);
    in.insert_line = 0;
    in.new_str = text_of(arg);
    for (int i = 0; i < 25; i++)
        while (done(&in) < 0)
            ;
    return NULL;
}

static void edits_at_once_are_not_lost(void)
{
    pthread_t threads[4];
    static char names[4][2] = {"a", "b", "c", "d"};
    put("", 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, add_line, names[i]) == 0);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(strlen(get()) == 2 * 4 * 25);
    while (undo() == 0)
        ;
}

static void insert_finishes_the_last_line(void)
{
    struct editor_request in = request(EDITOR_INSERT);
    put("one", 3);
    in.insert_line = 1;
    in.new_str = text_of("two");
    CHECK(done(&in) == 0);
    CHECK_TEXT(get(), "one\ntwo\n");
    in.insert_line = 3;
    CHECK(done(&in) < 0);
    CHECK(undo() == 0);
}

static void create_does_not_overwrite(void)
{
    struct editor_request in = request(EDITOR_CREATE);
    struct bytes out;
    struct err err = ERR_INIT;
    struct file_problem problem;
    put("mine", 4);
    in.file_text = text_of("yours");
    CHECK(run(&in, &out, &err) < 0 && file_problem_of(&err, &problem));
    CHECK_TEXT(problem.type, "already_exists");
    bytes_done(&out);
    CHECK_TEXT(get(), "mine");
}

static int view(int64_t first, int64_t last, struct bytes *out)
{
    struct err err = ERR_INIT;
    int64_t range[2] = {first, last};
    struct editor_request in = request(EDITOR_VIEW);
    in.view_range = (struct int_list){range, first ? 2 : 0, true};
    return run(&in, out, &err);
}

static void views_are_cut_not_swallowed(void)
{
    struct bytes out;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (size_t i = 99; i < sizeof block; i += 100)
        block[i] = '\n';
    for (int i = 0; i < 64; i++)
        CHECK(write(fd, block, sizeof block) == sizeof block);
    (void)close(fd);
    CHECK(view(0, 0, &out) == 0);
    CHECK(out.len < 2 * EDITOR_VIEW_MAX && strstr(bytes_text(&out), "cut here") != NULL);
    bytes_done(&out);
    CHECK(view(30000, 30001, &out) == 0);
    CHECK(strstr(bytes_text(&out), " 30000\\txxx") && !strstr(bytes_text(&out), " 30002\\t"));
    bytes_done(&out);
}

static void one_long_line_is_cut(void)
{
    struct bytes out;
    static char line[1 << 20];
    memset(line, 'x', sizeof line);
    put(line, sizeof line);
    CHECK(view(0, 0, &out) == 0);
    CHECK(out.len < 2 * EDITOR_LINE_MAX && strstr(bytes_text(&out), "the line goes on") != NULL);
    bytes_done(&out);
}

static void ranges_are_checked(void)
{
    struct bytes out;
    put("1\n2\n3", 5);
    static const int64_t bad[][2] = {{-1, 2}, {3, 2}, {4, 5}, {4, -1}, {-5, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(view(bad[i][0], bad[i][1], &out) < 0);
        bytes_done(&out);
    }
    CHECK(view(3, -1, &out) == 0);
    CHECK(strstr(bytes_text(&out), "     3\\t3") != NULL);
    bytes_done(&out);
}

int main(void)
{
    struct err err = ERR_INIT;
    char folder[PATH_MAX];
    (void)snprintf(root, sizeof root, "/tmp/sandgate-editor-XXXXXX");
    if (!mkdtemp(root) || files_open(root, root, &files, &err) < 0)
        return 1;
    (void)snprintf(path, sizeof path, "%s/file", root);
    (void)snprintf(folder, sizeof folder, "%s/edits", root);
    RUN(undo_walks_back);
    RUN(history_has_a_ceiling);
    RUN(a_refused_edit_leaves_no_history);
    RUN(edits_at_once_are_not_lost);
    RUN(insert_finishes_the_last_line);
    RUN(create_does_not_overwrite);
    RUN(views_are_cut_not_swallowed);
    RUN(one_long_line_is_cut);
    RUN(ranges_are_checked);
    (void)remove(path);
    (void)rmdir(folder);
    (void)snprintf(folder, sizeof folder, "%s/drafts", root);
    (void)rmdir(folder);
    (void)printf("%s\n", rmdir(root) == 0 ? "ok   nothing_is_left" : "FAIL nothing_is_left");
    check_failed += access(root, F_OK) == 0;
    files_close(files);
    return CHECK_DONE();
}
