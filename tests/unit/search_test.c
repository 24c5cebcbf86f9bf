/* core/search*: reading ripgrep's report, keeping the lines of the answer, and path globs. */
#include "check.h"

#include "core/search.h"
#include "core/search_event.h"
#include "core/search_glob.h"

static int parse(const char *line, struct search_event *event, struct bytes spare[2])
{
    static char copy[4096];
    (void)snprintf(copy, sizeof copy, "%s", line);
    return search_event_parse(copy, strlen(copy), spare, event);
}

static int is(struct text text, const char *expected)
{
    return text.n == strlen(expected) && memcmp(text.p, expected, text.n) == 0;
}

static void reads_a_match(void)
{
    struct bytes spare[2] = {BYTES_INIT(KIB), BYTES_INIT(KIB)};
    struct search_event e;
    CHECK(
        parse("{\"type\":\"match\",\"data\":{\"path\":{\"text\":\"./a\\\"b\"},\"lines\":{\"text\":"
              "\"\\u00fc\\ud83d\\ude00\\t\\\\\\n\"},\"line_number\":7,\"absolute_offset\":3,"
              "\"submatches\":[{\"match\":{\"text\":\"x\"},\"start\":0,\"end\":1}]}}",
              &e, spare) == 0);
    CHECK(e.type == SEARCH_MATCH && e.line_number == 7);
    CHECK(is(e.path, "./a\"b") && is(e.lines, "\xc3\xbc\xf0\x9f\x98\x80\t\\\n"));
    bytes_done(&spare[0]);
    bytes_done(&spare[1]);
}

static void reads_bytes_that_are_no_text(void)
{
    struct bytes spare[2] = {BYTES_INIT(KIB), BYTES_INIT(KIB)};
    struct search_event e;
    CHECK(
        parse("{\"type\":\"context\",\"data\":{\"path\":{\"bytes\":\"Yv8=\"},\"lines\":{\"bytes\":"
              "\"/v8K\"},\"line_number\":1}}",
              &e, spare) == 0);
    CHECK(e.type == SEARCH_CONTEXT && is(e.path, "b\xff") && is(e.lines, "\xfe\xff\n"));
    CHECK(parse("{\"data\":{\"stats\":{\"searches\":12}},\"type\":\"summary\"}", &e, spare) == 0);
    CHECK(e.type == SEARCH_SUMMARY && e.searches == 12);
    bytes_done(&spare[0]);
    bytes_done(&spare[1]);
}

static void survives_anything_cut_short(void)
{
    static const char whole[] =
        "{\"type\":\"match\",\"data\":{\"path\":{\"text\":\"\\u00fc\\\\\"},"
        "\"lines\":{\"bytes\":\"AAAA\"},\"line_number\":1,\"x\":[1,[2,{}]]}}";
    struct bytes spare[2] = {BYTES_INIT(KIB), BYTES_INIT(KIB)};
    struct search_event e;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        /* Exactly n bytes, so that a sanitiser sees a step beyond them. */
        char *cut = malloc(n ? n : 1);
        memcpy(cut, whole, n);
        CHECK(search_event_parse(cut, n, spare, &e) < 0);
        free(cut);
    }
    CHECK(parse(whole, &e, spare) == 0);
    CHECK(parse("[[[[[[[[[[[[[[[[[[[[[[[[[[[[", &e, spare) < 0);
    CHECK(parse("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", &e, spare) < 0);
    bytes_done(&spare[0]);
    bytes_done(&spare[1]);
}

/* A report of `n` matching lines of one file, each followed by a line of context. */
static void report(struct bytes *out, int n)
{
    (void)bytes_adds(out, "{\"type\":\"begin\",\"data\":{\"path\":{\"text\":\"./f\"}}}\n");
    for (int i = 0; i < n; i++) {
        (void)bytes_printf(out,
                           "{\"type\":\"match\",\"data\":{\"lines\":{\"text\":\"m%d\\n\"},"
                           "\"line_number\":%d}}\n",
                           i, 2 * i + 1);
        (void)bytes_printf(out,
                           "{\"type\":\"context\",\"data\":{\"lines\":{\"text\":\"c%d\\n\"},"
                           "\"line_number\":%d}}\n",
                           i, 2 * i + 2);
    }
}

static void check_page(int64_t offset, int64_t max, int64_t from, int64_t count, bool truncated)
{
    struct bytes text = BYTES_INIT(4 * MIB);
    struct search_hits hits = {.offset = offset, .max_results = max, .context = 3, .root = "/r"};
    int64_t found = 0;
    bool in_order = true, preceded = true;
    report(&text, 3000);
    hits_init(&hits);
    for (size_t at = 0; at < text.len; at += 777)
        if (hits_take(&hits, text.data + at, text.len - at < 777 ? text.len - at : 777))
            break;
    for (size_t i = 0; i < hits.n; i++) {
        const struct search_line *line = &hits.lines[i];
        if (!line->match)
            continue;
        in_order &= line->number == 2 * (from + found) + 1;
        preceded &= line->number == 1 || (i > 0 && hits.lines[i - 1].number == line->number - 1);
        found++;
    }
    CHECK(found == count && in_order && preceded);
    CHECK(hits.truncated == truncated && hits.files_matched == (count ? 1 : 0));
    CHECK(hits.n < 2 * (size_t)count + 1200);
    CHECK(hits.names.len == 4 && memcmp(hits.names.data, "/r/f", 4) == 0);
    hits_done(&hits);
    bytes_done(&text);
}

static void pages_by_offset_with_context(void)
{
    check_page(0, 500, 0, 500, true);
    check_page(2500, 500, 2500, 500, false);
    check_page(2499, 500, 2499, 500, true);
    check_page(2990, 500, 2990, 10, false);
    check_page(9000, 500, 0, 0, false);
}

static void cuts_long_lines_and_says_so(void)
{
    struct bytes text = BYTES_INIT(4 * MIB);
    struct search_hits hits = {.max_results = 10, .root = "/"};
    (void)bytes_adds(&text, "{\"type\":\"begin\",\"data\":{\"path\":{\"text\":\"f\"}}}\n"
                            "{\"type\":\"match\",\"data\":{\"lines\":{\"text\":\"");
    for (int i = 0; i < 100000; i++)
        (void)bytes_adds(&text, "\xc3\xbc");
    (void)bytes_adds(&text, "\\n\"},\"line_number\":1}}\n");
    hits_init(&hits);
    CHECK(hits_take(&hits, text.data, text.len) == 0);
    CHECK(hits.n == 1 && hits.lines[0].n < SEARCH_LINE_MAX + 64);
    CHECK(memmem(hits.text.data, hits.text.len, "bytes more", 10) != NULL);
    hits_done(&hits);
    bytes_done(&text);
}

static void nonsense_ends_the_search(void)
{
    struct search_hits hits = {.max_results = 10, .root = "/"};
    hits_init(&hits);
    CHECK(hits_take(&hits, "nonsense\n", 9) == 1 && hits.broken);
    hits_done(&hits);
}

static void globs_match_paths(void)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } rows[] = {
        {"*", "a", true},
        {"*", "a/b", false},
        {"*", ".a", false},
        {".*", ".a", true},
        {"**", "a/b/c", true},
        {"**/c", "c", true},
        {"**/c", "a/b/c", true},
        {"**/c", "a/b/d", false},
        {"a/**", "a/b/c", true},
        {"a/**/c", "a/c", true},
        {"a/**/c", "a/x/y/c", true},
        {"a?c", "abc", true},
        {"a[bd]c", "adc", true},
        {"a[bd]c", "acc", false},
        {"*.{c,h}", "x.h", true},
        {"*.{c,h}", "x.o", false},
        {"{a,b/{c,d}}/e", "b/d/e", true},
        {"{a", "{a", true},
        {"**/c", ".h/c", false},
        {"a", "", false},
        {"", "a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (glob_matches(rows[i].pattern, rows[i].path, false) != rows[i].matches)
            (void)printf("  %s on %s\n", rows[i].pattern, rows[i].path);
        CHECK(glob_matches(rows[i].pattern, rows[i].path, false) == rows[i].matches);
    }
    CHECK(glob_matches("*", ".a", true));
    /* Exponential if every ** tried every split. */
    CHECK(!glob_matches("**/a/**/a/**/a/**/a/**/a/**/b",
                        "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", false));
}

int main(void)
{
    RUN(reads_a_match);
    RUN(reads_bytes_that_are_no_text);
    RUN(survives_anything_cut_short);
    RUN(pages_by_offset_with_context);
    RUN(cuts_long_lines_and_says_so);
    RUN(nonsense_ends_the_search);
    RUN(globs_match_paths);
    return CHECK_DONE();
}
