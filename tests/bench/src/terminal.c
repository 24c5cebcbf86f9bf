/* terminal KIND PORT LINES: opens a terminal of KIND `sandgate` or `ttyd` over a WebSocket, has it
 * run `seq 1 LINES` and prints the seconds from typing the command to the mark printed behind its
 * last line. The shell has answered once before, so its start does not count, and every line must
 * arrive, in order. Both kinds get the same window. */
#include "clock.h"
#include "lines.h"
#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLS "120"
#define ROWS "32"

/* How one kind of server speaks. */
struct speech {
    const char *name;
    const char *path;
    const char *protocol;
    const char *hello;      /* sent first; NULL: nothing */
    const char *type_start; /* typing is start + text + end */
    const char *type_end;
    void (*take)(struct wire *wire, struct message message, struct lines *lines);
};

static void take_ttyd(struct wire *wire, struct message message, struct lines *lines)
{
    (void)wire;
    if (message.length == 0 || message.data[0] != '0')
        return; /* window title or preferences */
    for (size_t i = 1; i < message.length; i++)
        lines_feed(lines, message.data[i]);
}

/* The character an escape in a JSON string stands for; everything the lines are made of is ASCII,
 * so any other may become a question mark. */
static char unescape(const char **at, const char *end)
{
    char c = *(*at)++;
    char digits[5] = "";
    unsigned long code;

    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        if (end - *at < 4)
            die("a broken escape in the output");
        memcpy(digits, *at, 4);
        *at += 4;
        code = strtoul(digits, NULL, 16);
        return code < 0x80 ? (char)code : '?';
    default:
        return c;
    }
}

static void take_sandgate(struct wire *wire, struct message message, struct lines *lines)
{
    static const char output[] = "{\"type\":\"output\",\"data\":\"";
    static const char ping[] = "{\"type\":\"ping\"";
    static const char *const fatal[] = {"{\"type\":\"error\"", "{\"type\":\"exit\""};
    const char *at = message.data;
    const char *end = at + message.length;

    if (message.length > sizeof(ping) && memcmp(at, ping, sizeof(ping) - 1) == 0)
        ws_send_text(wire, "{\"type\":\"pong\"}");
    for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
        if (message.length > strlen(fatal[i]) && memcmp(at, fatal[i], strlen(fatal[i])) == 0)
            die("the terminal said %.*s", (int)message.length, at);
    if (message.length < sizeof(output) || memcmp(at, output, sizeof(output) - 1) != 0)
        return;
    at += sizeof(output) - 1;
    while (at < end - 1 && *at != '"') {
        char c = *at++;

        if (c == '\\')
            c = unescape(&at, end);
        lines_feed(lines, c);
    }
}

static const struct speech speeches[] = {
    {"ttyd", "/ws", "tty", "{\"AuthToken\":\"\",\"columns\":" COLS ",\"rows\":" ROWS "}", "0", "\r",
     take_ttyd},
    {"sandgate", "/v1/shell/ws?cols=" COLS "&rows=" ROWS, NULL, NULL,
     "{\"type\":\"input\",\"data\":\"", "\\r\"}", take_sandgate},
};

static struct wire wire;

static void type(const struct speech *speech, const char *command)
{
    char *text;

    if (asprintf(&text, "%s%s%s", speech->type_start, command, speech->type_end) < 0)
        die("out of memory");
    ws_send_text(&wire, text);
    free(text);
}

/* Types `command`, reads until `mark` is a line of its own, and returns how many numbered lines
 * came in order. */
static size_t run(const struct speech *speech, const char *command, const char *mark)
{
    struct lines lines;

    lines_await(&lines, mark);
    type(speech, command);
    while (!lines.seen)
        speech->take(&wire, ws_read(&wire), &lines);
    return lines.counted;
}

static const struct speech *find_speech(const char *name)
{
    for (size_t i = 0; i < sizeof(speeches) / sizeof(*speeches); i++)
        if (strcmp(speeches[i].name, name) == 0)
            return &speeches[i];
    die("no terminal of kind \"%s\"", name);
}

int main(int argc, char **argv)
{
    const struct speech *speech;
    size_t count, counted;
    char *command;
    int64_t from;

    if (argc != 4)
        die("usage: terminal sandgate|ttyd PORT LINES");
    speech = find_speech(argv[1]);
    count = number_arg(argv[3], 100000000, "LINES");
    ws_open(&wire, number_arg(argv[2], 65535, "PORT"), speech->path, speech->protocol);
    if (speech->hello != NULL)
        ws_send_text(&wire, speech->hello);
    run(speech, "echo READY-$((1+1))", "READY-2");
    /* The marks are sums, so that the echo of what is typed cannot be taken for them. */
    if (asprintf(&command, "seq 1 %zu; echo MARK-$((40+2))", count) < 0)
        die("out of memory");
    from = now_ns();
    counted = run(speech, command, "MARK-42");
    printf("%.3f\n", (double)(now_ns() - from) / 1e9);
    if (counted != count)
        die("only %zu of %zu lines came, in order", counted, count);
    free(command);
    wire_close(&wire);
    return 0;
}
