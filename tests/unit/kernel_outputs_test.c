#include "core/kernel_outputs.h"

#include <stdlib.h>

#include "check.h"

static struct kernel_outputs o;

static void take(const char *type, const char *content)
{
    const struct kernel_message m = {.type = {type, strlen(type)},
                                     .content = {content, strlen(content)}};
    kernel_outputs_take(&o, &m);
}

/* All of them as text; freed with the next call. */
static const char *told(void)
{
    static struct bytes out;
    struct jsonw w;
    bytes_done(&out);
    out = bytes_with_limit(64 * MIB);
    w = jsonw_on(&out);
    jsonw_array(&w);
    kernel_outputs_write(&o, &w);
    jsonw_array_end(&w);
    return bytes_text(&out);
}

static void streams_are_joined(void)
{
    take("stream", "{\"name\":\"stdout\",\"text\":\"a\\n\"}");
    take("stream", "{\"name\":\"stdout\",\"text\":\"\\u00e9\"}");
    take("stream", "{\"name\":\"stderr\",\"text\":\"!\"}");
    take("stream", "{\"name\":\"stdout\",\"text\":\"b\"}");
    take("status", "{\"execution_state\":\"idle\"}");
    CHECK_TEXT(told(), "[{\"output_type\":\"stream\",\"name\":\"stdout\",\"text\":\"a\\né\"},"
                       "{\"output_type\":\"stream\",\"name\":\"stderr\",\"text\":\"!\"},"
                       "{\"output_type\":\"stream\",\"name\":\"stdout\",\"text\":\"b\"}]");
    kernel_outputs_done(&o);
}

static void the_rest_is_passed_on(void)
{
    take("display_data", "{\"data\":{\"a/b\":[1]},\"metadata\":{},\"transient\":{}}");
    take("execute_result", "{\"data\":{},\"metadata\":{},\"execution_count\":3}");
    take("error", "{\"ename\":\"E\",\"evalue\":\"e\",\"traceback\":[\"t\"]}");
    CHECK_TEXT(told(), "[{\"output_type\":\"display_data\",\"data\":{\"a/b\":[1]},\"metadata\":{}},"
                       "{\"output_type\":\"execute_result\",\"data\":{},\"metadata\":{},"
                       "\"execution_count\":3},"
                       "{\"output_type\":\"error\",\"ename\":\"E\",\"evalue\":\"e\","
                       "\"traceback\":[\"t\"]}]");
    CHECK_TEXT(kernel_outputs_traceback(&o), "[\"t\"]");
    kernel_outputs_done(&o);
}

static void displays_are_updated_and_cleared(void)
{
    take("display_data", "{\"data\":{\"v\":1},\"transient\":{\"display_id\":\"x\"}}");
    take("update_display_data", "{\"data\":{\"v\":2},\"transient\":{\"display_id\":\"x\"}}");
    take("update_display_data", "{\"data\":{\"v\":3},\"transient\":{\"display_id\":\"y\"}}");
    CHECK_TEXT(told(), "[{\"output_type\":\"display_data\",\"data\":{\"v\":2},\"metadata\":{}}]");
    take("clear_output", "{\"wait\":true}");
    CHECK(o.n == 1);
    take("stream", "{\"name\":\"stdout\",\"text\":\"new\"}");
    CHECK(o.n == 1);
    take("clear_output", "{\"wait\":false}");
    CHECK_TEXT(told(), "[]");
    kernel_outputs_done(&o);
}

static void what_is_no_json_is_left_out(void)
{
    take("stream", "{\"name\":\"stdout\",\"text\":\"a\"");
    take("stream", "[]");
    take("stream", "{\"name\":\"stdout\"}");
    take("display_data", "{\"data\":\"\xff\"}");
    CHECK_TEXT(told(), "[{\"output_type\":\"display_data\",\"data\":\"\xef\xbf\xbd\","
                       "\"metadata\":{}}]");
    kernel_outputs_done(&o);
}

/* A message of 1 MiB of text. */
static void fill(char *content, int letter)
{
    static const char head[] = "{\"name\":\"stdout\",\"text\":\"";
    (void)memcpy(content, head, sizeof head - 1);
    (void)memset(content + sizeof head - 1, letter, 1 * MIB);
    (void)memcpy(content + sizeof head - 1 + 1 * MIB, "\"}", 3);
}

static void a_flood_keeps_its_ends(void)
{
    char *content = malloc(1 * MIB + 100);
    if (!content)
        abort();
    take("stream", "{\"name\":\"stdout\",\"text\":\"first\\n\"}");
    for (int i = 0; i < 40; i++) {
        fill(content, 'a' + i % 26);
        take("stream", content);
    }
    take("stream", "{\"name\":\"stderr\",\"text\":\"small\"}");
    take("stream", "{\"name\":\"stdout\",\"text\":\"last\\n\"}");
    CHECK(o.cut && o.text <= OUTPUTS_TEXT && o.text > OUTPUTS_TEXT / 4);
    const char *all = told();
    CHECK(strstr(all, "first\\n") && strstr(all, "last\\n") && strstr(all, "small"));
    CHECK(strstr(all, "bytes left out") && strlen(all) < 2 * OUTPUTS_TEXT);
    free(content);
    kernel_outputs_done(&o);
}

static void so_do_many_small_ones(void)
{
    char content[4096];
    (void)memset(content, 'x', sizeof content);
    (void)memcpy(content + sizeof content - 3, "\"}", 3);
    for (int i = 0; i < 6000; i++) {
        int n = snprintf(content, 64, "{\"name\":\"%s\",\"text\":\"", i % 2 ? "stdout" : "stderr");
        content[n] = 'x';
        take("stream", content);
    }
    CHECK(o.n == OUTPUTS_MAX && o.cut && o.text <= OUTPUTS_TEXT);
    kernel_outputs_done(&o);
}

int main(void)
{
    RUN(streams_are_joined);
    RUN(the_rest_is_passed_on);
    RUN(displays_are_updated_and_cleared);
    RUN(what_is_no_json_is_left_out);
    RUN(a_flood_keeps_its_ends);
    RUN(so_do_many_small_ones);
    return CHECK_DONE();
}
