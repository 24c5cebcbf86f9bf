/* core/file_*: drafts, reading by lines, replacing across chunk borders, and how failures are told.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "core/file_draft.h"
#include "core/file_io.h"
#include "core/file_problem.h"
#include "core/file_text.h"
#include "core/files.h"

static char root[64];
static struct files *files;
static char path_buffer[4][PATH_MAX];

static const char *at(const char *name)
{
    static unsigned next;
    char *to = path_buffer[next++ % 4];
    (void)snprintf(to, PATH_MAX, "%s/%s", root, name);
    return to;
}

static struct text text_of(const char *p)
{
    return (struct text){p, strlen(p)};
}

static void put(const char *path, const char *content, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, content, n) == (ssize_t)n);
    (void)close(fd);
}

static const char *get(const char *path)
{
    static char content[1 << 20];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
    if (fd >= 0)
        (void)close(fd);
    content[n > 0 ? n : 0] = '\0';
    return n < 0 ? NULL : content;
}

static int write_text(const char *path, const char *content, struct err *err)
{
    struct bytes out = BYTES_INIT(KIB);
    struct jsonw w = jsonw_on(&out);
    struct file_write in = {.file = text_of(path), .content = text_of(content)};
    int r = file_write(files, &in, &w, err);
    bytes_done(&out);
    return r;
}

/* The content as the answer would carry it, or NULL. */
static const char *read_text(const char *path, int64_t start, int64_t end, int encoding,
                             struct err *err)
{
    static struct bytes out;
    bytes_done(&out);
    out = BYTES_INIT(8 * MIB);
    struct jsonw w = jsonw_on(&out);
    struct file_read in = {text_of(path), start, end, encoding, false};
    if (file_read(files, &in, &w, err) < 0) {
        bytes_done(&out);
        return NULL;
    }
    char *text = out.data + strlen("{\"content\":\"");
    *strstr(text, "\",\"line_count\"") = '\0';
    return text;
}

static void a_draft_keeps_mode_and_links(void)
{
    struct err err = ERR_INIT;
    struct stat st;
    put(at("script"), "old", 3);
    CHECK(chmod(at("script"), 0750) == 0);
    CHECK(symlink("script", at("link")) == 0);
    CHECK(write_text(at("link"), "new", &err) == 0);
    CHECK(lstat(at("link"), &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat(at("script"), &st) == 0 && (st.st_mode & 0777) == 0750);
    CHECK_TEXT(get(at("script")), "new");
}

static void a_dangling_link_makes_its_target(void)
{
    struct err err = ERR_INIT;
    CHECK(symlink("deeper/target", at("dangling")) == 0);
    CHECK(write_text(at("dangling"), "there", &err) == 0);
    CHECK_TEXT(get(at("deeper/target")), "there");
}

static void hard_links_stay_one_file(void)
{
    struct err err = ERR_INIT;
    put(at("one"), "a longer old content", 20);
    CHECK(link(at("one"), at("two")) == 0);
    CHECK(write_text(at("one"), "new", &err) == 0);
    CHECK_TEXT(get(at("two")), "new");
}

static void links_in_a_circle_end(void)
{
    struct err err = ERR_INIT;
    CHECK(symlink("circle", at("circle")) == 0);
    CHECK(write_text(at("circle"), "x", &err) < 0 && err.sys == ELOOP);
}

static void only_regular_files_are_targets(void)
{
    struct err err = ERR_INIT;
    CHECK(mkfifo(at("fifo"), 0600) == 0);
    CHECK(write_text(at("fifo"), "x", &err) < 0 && err.sys == EINVAL);
    CHECK(write_text(root, "x", &err) < 0 && err.sys == EISDIR);
    CHECK(read_text(at("fifo"), INT_ABSENT, INT_ABSENT, ENCODING_UTF8, &err) == NULL);
    CHECK(err.sys == EINVAL);
}

static void a_changed_file_is_not_overwritten(void)
{
    struct err err = ERR_INIT;
    struct stat st;
    struct file_draft draft;
    put(at("raced"), "1", 1);
    CHECK(stat(at("raced"), &st) == 0);
    struct file_version version = file_version_of(&st);
    CHECK(file_draft_open(at("raced"), &draft, &err) == 0);
    CHECK(write_text(at("raced"), "someone else's", &err) == 0);
    CHECK(file_draft_commit(files, &draft, at("raced"), &version, &err) < 0);
    CHECK(err.kind == ERR_CONFLICT && draft.fd == -1);
    CHECK_TEXT(get(at("raced")), "someone else's");
}

static void a_discarded_draft_leaves_nothing(void)
{
    struct err err = ERR_INIT;
    struct file_draft draft;
    CHECK(file_draft_open(at("fresh/never"), &draft, &err) == 0);
    CHECK(file_write_all(draft.fd, "x", 1, &err) == 0);
    file_draft_discard(&draft);
    CHECK(rmdir(at("fresh")) == 0);
}

static void lines_are_counted_from_zero(void)
{
    struct err err = ERR_INIT;
    put(at("lines"), "a\nb\r\n\nd", 7);
    CHECK_TEXT(read_text(at("lines"), 0, 1, ENCODING_UTF8, &err), "a\\n");
    CHECK_TEXT(read_text(at("lines"), 1, 3, ENCODING_UTF8, &err), "b\\r\\n\\n");
    CHECK_TEXT(read_text(at("lines"), 3, 9, ENCODING_UTF8, &err), "d");
    CHECK_TEXT(read_text(at("lines"), 4, INT_ABSENT, ENCODING_UTF8, &err), "");
    CHECK_TEXT(read_text(at("lines"), 2, 2, ENCODING_UTF8, &err), "");
    CHECK_TEXT(read_text(at("lines"), 2, 3, ENCODING_BASE64, &err), "Cg==");
}

/* Sequences and lines that straddle the 64 KiB reads. */
static void chunk_borders_do_not_show(void)
{
    struct err err = ERR_INIT;
    static char content[200001], expected[300000];
    for (int shift = 0; shift < 4; shift++) {
        memset(content, 'x', (size_t)shift);
        for (size_t i = (size_t)shift; i + 4 < sizeof content; i += 4)
            memcpy(content + i, i % 1000 < 4 ? "abc\n" : "\xf0\x9f\x98\x80", 4);
        size_t n = (sizeof content - 5) / 4 * 4 + (size_t)shift - 4;
        put(at("wide"), content, n);
        size_t out = 0;
        for (size_t i = 0; i < n && out + 2 < sizeof expected; i++) {
            if (content[i] == '\n')
                expected[out++] = '\\';
            expected[out++] = content[i] == '\n' ? 'n' : content[i];
        }
        expected[out] = '\0';
        const char *got = read_text(at("wide"), INT_ABSENT, INT_ABSENT, ENCODING_UTF8, &err);
        CHECK(got && strcmp(got, expected) == 0);
    }
}

static void binary_is_told_from_text(void)
{
    struct err err = ERR_INIT;
    struct file_problem problem;
    put(at("binary"), "ok\xff", 3);
    CHECK(read_text(at("binary"), INT_ABSENT, INT_ABSENT, ENCODING_UTF8, &err) == NULL);
    CHECK(file_problem_of(&err, &problem) && strcmp(problem.type, "decode_error") == 0);
    CHECK(strstr(err.text, "0xff at offset 2") != NULL);
    put(at("binary"), "ok\xc3", 3);
    CHECK(read_text(at("binary"), INT_ABSENT, INT_ABSENT, ENCODING_UTF8, &err) == NULL);
    CHECK(strstr(err.text, "0xc3 at offset 2") != NULL);
    CHECK_TEXT(read_text(at("binary"), INT_ABSENT, INT_ABSENT, ENCODING_BASE64, &err), "b2vD");
}

static void replaces_across_chunk_borders(void)
{
    struct err err = ERR_INIT;
    static char content[600000], expected[700000];
    size_t out = 0;
    memset(content, '.', sizeof content - 1);
    for (size_t i = 262144 - 20; i < 262144 + 20; i += 5)
        memcpy(content + i, "abab", 4);
    put(at("window"), content, sizeof content - 1);
    for (size_t i = 0; content[i];) {
        bool hit = strncmp(content + i, "aba", 3) == 0;
        expected[out++] = hit ? 'Z' : content[i];
        i += hit ? 3 : 1;
    }
    struct bytes answer = BYTES_INIT(KIB);
    struct jsonw w = jsonw_on(&answer);
    struct file_replace in = {text_of(at("window")), text_of("aba"), text_of("Z"), false};
    CHECK(file_replace(files, &in, &w, &err) == 0);
    CHECK(strstr(bytes_text(&answer), "\"replaced_count\":8") != NULL);
    CHECK(strcmp(get(in.file.p), expected) == 0);
    bytes_done(&answer);
}

static void failures_are_told_in_words(void)
{
    struct err err = ERR_INIT;
    struct file_problem problem;
    struct bytes message = BYTES_INIT(KIB);
    (void)file_fail(&err, ENOENT);
    file_problem_message(&message, "read", "/tmp/x", &err);
    CHECK_TEXT(bytes_text(&message),
               "Failed to read file: [Errno 2] No such file or directory: '/tmp/x'");
    CHECK(file_problem_of(&err, &problem));
    CHECK_TEXT(problem.type, "not_found");
    CHECK_TEXT(problem.exception, "FileNotFoundError");
    (void)file_fail(&err, ENOSPC);
    CHECK(file_problem_of(&err, &problem));
    CHECK_TEXT(problem.type, "no_space_left");
    (void)err_field(&err, "x", "wrong");
    CHECK(!file_problem_of(&err, &problem));
    bytes_done(&message);
}

int main(void)
{
    struct err err = ERR_INIT;
    (void)snprintf(root, sizeof root, "/tmp/sandgate-files-XXXXXX");
    if (!mkdtemp(root) || files_open(root, root, &files, &err) < 0)
        return 1;
    RUN(a_draft_keeps_mode_and_links);
    RUN(a_dangling_link_makes_its_target);
    RUN(hard_links_stay_one_file);
    RUN(links_in_a_circle_end);
    RUN(only_regular_files_are_targets);
    RUN(a_changed_file_is_not_overwritten);
    RUN(a_discarded_draft_leaves_nothing);
    RUN(lines_are_counted_from_zero);
    RUN(chunk_borders_do_not_show);
    RUN(binary_is_told_from_text);
    RUN(replaces_across_chunk_borders);
    RUN(failures_are_told_in_words);
    static const char *const left[] = {"drafts",   "script", "link", "deeper/target", "deeper",
                                       "dangling", "one",    "two",  "circle",        "fifo",
                                       "raced",    "lines",  "wide", "binary",        "window"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        (void)remove(at(left[i]));
    /* Nothing but what was made above: no temporary file stays. */
    (void)printf("%s\n", rmdir(root) == 0 ? "ok   nothing_is_left" : "FAIL nothing_is_left");
    check_failed += access(root, F_OK) == 0;
    files_close(files);
    return CHECK_DONE();
}
