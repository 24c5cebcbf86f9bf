/* Thousands of clients at once: each asks, waits a moment and asks again. Every answer must be the
 * client's own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "line.h"
#include "phases.h"
#include "tally.h"

/* On average; what a person's page or an agent's loop does, and what two cores can serve. */
#define PAUSE_MS         900
#define VIEWERS_OF_SHELL 3
#define EVENT_LINES      12

struct client {
    const struct site *site;
    unsigned number;
    uint64_t until; /* µs */
    uint32_t chance;
    unsigned asked;
    struct line line;
};

static bool goes_on(const struct client *c)
{
    return now_us() < c->until;
}

static void pause_between(struct client *c)
{
    long ms = chance(&c->chance) % (2 * PAUSE_MS);
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

static void went_wrong(struct client *c, enum kind kind)
{
    tally_bad(kind, c->line.wedged, "client %u: %s", c->number, c->line.why);
    line_close(&c->line);
}

/* `ok`, and the answer holds `wanted`. */
static void judge(struct client *c, enum kind kind, uint64_t since, int r, const char *wanted)
{
    if (r < 0) {
        went_wrong(c, kind);
    } else if (!strstr(c->line.body, wanted)) {
        tally_bad(kind, false, "client %u: no %s in %.200s", c->number, wanted, c->line.body);
        line_close(&c->line);
    } else {
        tally_good(kind, since);
    }
}

/* ---- REST ---- */

static void ask_small(struct client *c)
{
    static const char *const paths[][2] = {{"/healthz", "ok"},
                                           {"/v1/shell/sessions/stats", "max_sessions"},
                                           {"/v1/services", "success"},
                                           {"/v1/sandbox/resources", "success"},
                                           {"/terminal", "<html"}};
    unsigned which = chance(&c->chance) % 5;
    uint64_t since = now_us();
    int r = line_ask(&c->line, "GET", paths[which][0], NULL, 200);
    judge(c, KIND_REST, since, r, paths[which][1]);
}

static void ask_file(struct client *c)
{
    char body[256], wanted[64];
    uint64_t since = now_us();
    (void)snprintf(wanted, sizeof wanted, "client %u wrote %u", c->number, c->asked);
    (void)snprintf(body, sizeof body, "{\"file\":\"%s/soak-%u.txt\",\"content\":\"%s\"}",
                   c->site->folder, c->number, wanted);
    if (line_ask(&c->line, "POST", "/v1/file/write", body, 200) < 0) {
        went_wrong(c, KIND_FILE);
        return;
    }
    (void)snprintf(body, sizeof body, "{\"file\":\"%s/soak-%u.txt\"}", c->site->folder, c->number);
    judge(c, KIND_FILE, since, line_ask(&c->line, "POST", "/v1/file/read", body, 200), wanted);
}

static void ask_app(struct client *c)
{
    char path[128], body[64], wanted[192];
    const char *how = c->asked % 2 ? "chunks" : "length";
    uint64_t since = now_us();
    (void)snprintf(path, sizeof path, "/proxy/%u/%u/%u/%s?q=%%2e", c->site->app, c->number,
                   c->asked, how);
    (void)snprintf(body, sizeof body, "{\"of\": %u}", c->number);
    (void)snprintf(wanted, sizeof wanted, "/%u/%u/%s?q=%%2e\n%s", c->number, c->asked, how, body);
    judge(c, KIND_PROXY, since, line_ask(&c->line, "POST", path, body, 200), wanted);
}

static void ask_bash(struct client *c)
{
    char body[256], wanted[96];
    uint64_t since = now_us();
    (void)snprintf(body, sizeof body,
                   "{\"session_id\":\"rest-%u\",\"command\":\"echo $((%u+1)) of %u\"}", c->number,
                   c->asked, c->number);
    (void)snprintf(wanted, sizeof wanted, "\"stdout\":\"%u of %u\\n\"", c->asked + 1, c->number);
    if (line_ask(&c->line, "POST", "/v1/bash/exec", body, 200) < 0) {
        went_wrong(c, KIND_BASH);
        return;
    }
    judge(c, KIND_BASH, since, 0, wanted);
    (void)snprintf(body, sizeof body, "/v1/bash/sessions/rest-%u/close", c->number);
    if (line_ask(&c->line, "POST", body, NULL, 200) < 0)
        went_wrong(c, KIND_BASH);
}

static void ask_rest(struct client *c)
{
    unsigned which = chance(&c->chance) % 20;
    if (which < 1)
        ask_bash(c);
    else if (which < 4)
        ask_file(c);
    else if (which < 9)
        ask_app(c);
    else
        ask_small(c);
    if (chance(&c->chance) % 20 == 0)
        line_close(&c->line);
}

/* ---- terminals ---- */

static int open_terminal(struct client *c)
{
    char path[96];
    (void)snprintf(path, sizeof path, "/v1/shell/ws?session_id=soak-%u",
                   c->number / VIEWERS_OF_SHELL);
    if (line_upgrade(&c->line, path) < 0)
        return -1;
    do
        if (line_read_message(&c->line) < 0)
            return -1;
    while (!strstr(c->line.body, "\"type\":\"ready\""));
    return 0;
}

/* The shell computes the word, so the echo of what was typed is not it. It comes in one message or
 * is cut in two. */
static int await_word(struct client *c, const char *word)
{
    char seen[512] = "";
    for (;;) {
        if (line_read_message(&c->line) < 0)
            return -1;
        if (!strstr(c->line.body, "\"type\":\"output\""))
            continue;
        if (strstr(c->line.body, word))
            return 0;
        const char *data = strstr(c->line.body, "\"data\":\"") + 8;
        size_t n = strlen(data) - 2, have = strlen(seen);
        size_t take = n < 100 ? n : 100;
        memcpy(seen + have, data, take);
        seen[have + take] = '\0';
        if (strstr(seen, word))
            return 0;
        size_t keep = n < 100 ? n : 100;
        memcpy(seen, data + n - keep, keep);
        seen[keep] = '\0';
    }
}

static void ask_terminal(struct client *c)
{
    char message[256], word[64];
    uint64_t since = now_us();
    if (c->line.fd < 0 && open_terminal(c) < 0) {
        went_wrong(c, KIND_TERMINAL);
        return;
    }
    (void)snprintf(message, sizeof message,
                   "{\"type\":\"input\",\"data\":\"echo $((%u+1))-of-%u.\\n\"}", c->asked + 1000,
                   c->number);
    (void)snprintf(word, sizeof word, "%u-of-%u.", c->asked + 1001, c->number);
    if (line_send_text(&c->line, message) < 0 || await_word(c, word) < 0) {
        went_wrong(c, KIND_TERMINAL);
        return;
    }
    tally_good(KIND_TERMINAL, since);
    if (chance(&c->chance) % 10 == 0 && line_leave(&c->line) < 0)
        went_wrong(c, KIND_TERMINAL);
}

/* ---- an app's WebSocket ---- */

static void ask_socket(struct client *c)
{
    char path[64], text[64];
    if (c->line.fd < 0) {
        (void)snprintf(path, sizeof path, "/proxy/%u/socket", c->site->app);
        if (line_upgrade(&c->line, path) < 0) {
            went_wrong(c, KIND_SOCKET);
            return;
        }
    }
    uint64_t since = now_us();
    (void)snprintf(text, sizeof text, "word %u of %u", c->asked, c->number);
    int r = line_send_text(&c->line, text);
    judge(c, KIND_SOCKET, since, r < 0 ? r : line_read_message(&c->line), text);
    if (c->line.fd >= 0 && chance(&c->chance) % 20 == 0 && line_leave(&c->line) < 0)
        went_wrong(c, KIND_SOCKET);
}

/* ---- events ---- */

static int begin_events(struct client *c, unsigned lines)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"session_id\":\"events-%u\",\"command\":\"for ((i = 1; i <= %u; i++)); do "
                   "echo $i-%u-of-%u; read -rt 0.3; done; exit 7\"}",
                   c->number, lines, c->asked, c->number);
    if (line_begin(&c->line, "POST", "/v1/bash/exec", "Accept: text/event-stream\r\n", body) < 0)
        return -1;
    if (c->line.status == 200)
        return 0;
    (void)snprintf(c->line.why, sizeof c->line.why, "events: status %d", c->line.status);
    return -1;
}

/* The next line of the stream without its end; false at the end of the stream. */
static bool event_line(struct client *c, char *text, size_t room)
{
    size_t n = 0;
    int ch;
    while ((ch = line_byte(&c->line)) >= 0 && ch != '\n')
        if (n < room - 1)
            text[n++] = (char)ch;
    text[n] = '\0';
    return ch == '\n';
}

/* Adds the text of an event's data; line ends come escaped. */
static void gather(char *to, size_t room, const char *line)
{
    const char *data = strstr(line, "\"data\":\"");
    size_t have = strlen(to);
    if (!data)
        return;
    for (data += 8; *data && *data != '"' && have < room - 1; data++) {
        bool escaped = data[0] == '\\' && data[1] == 'n';
        to[have++] = escaped ? '\n' : *data;
        data += escaped;
    }
    to[have] = '\0';
}

static bool is_whole(const struct client *c, const char *got)
{
    char wanted[1024] = "";
    size_t n = 0;
    for (unsigned i = 1; i <= EVENT_LINES; i++)
        n += (size_t)snprintf(wanted + n, sizeof wanted - n, "%u-%u-of-%u\n", i, c->asked,
                              c->number);
    return strcmp(got, wanted) == 0;
}

static void ask_events(struct client *c)
{
    char text[1024], got[1024] = "", last[1024] = "";
    uint64_t since = now_us();
    if (begin_events(c, EVENT_LINES) < 0) {
        went_wrong(c, KIND_EVENTS);
        return;
    }
    bool first = true;
    while (event_line(c, text, sizeof text)) {
        if (first)
            tally_good(KIND_EVENTS, since);
        first = false;
        if (strncmp(text, "data: ", 6) == 0) {
            gather(got, sizeof got, text);
            (void)snprintf(last, sizeof last, "%s", text);
        }
    }
    if (line_byte(&c->line) != -1)
        went_wrong(c, KIND_EVENTS);
    else if (!is_whole(c, got) || !strstr(last, "\"exit_code\":7"))
        tally_bad(KIND_EVENTS, false, "client %u: %s; last %s", c->number, got, last);
    (void)snprintf(text, sizeof text, "/v1/bash/sessions/events-%u/close", c->number);
    if (line_ask(&c->line, "POST", text, NULL, 200) < 0)
        went_wrong(c, KIND_EVENTS);
}

/* ---- those who leave ---- */

static void ask_and_quit(struct client *c)
{
    static const char half[] = "POST /v1/file/write HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Len";
    char path[96];
    uint64_t since = now_us();
    int r = 0;
    switch (c->asked % 4) {
    case 0:
        r = begin_events(c, 3);
        break;
    case 1:
        (void)snprintf(path, sizeof path, "/proxy/%u/socket", c->site->app);
        r = line_upgrade(&c->line, path);
        break;
    case 2:
        r = line_open(&c->line) < 0 ? -1 : line_send_raw(&c->line, half, sizeof half - 1);
        break;
    default:
        r = open_terminal(c);
    }
    if (r < 0) {
        went_wrong(c, KIND_QUIT);
        return;
    }
    if (c->asked % 8 < 4)
        line_abort(&c->line);
    line_close(&c->line);
    tally_good(KIND_QUIT, since);
}

/* ---- all together ---- */

/* In every 20: 11 REST, 3 terminals, 2 apps' sockets, 3 event streams, 1 that leaves. */
static void ask(struct client *c)
{
    unsigned role = c->number / VIEWERS_OF_SHELL % 20;
    c->asked++;
    if (role < 11)
        ask_rest(c);
    else if (role < 14)
        ask_terminal(c);
    else if (role < 16)
        ask_socket(c);
    else if (role < 19)
        ask_events(c);
    else
        ask_and_quit(c);
}

static void *run(void *arg)
{
    struct client *c = arg;
    line_init(&c->line, c->site->gateway);
    while (goes_on(c)) {
        ask(c);
        pause_between(c);
    }
    line_done(&c->line);
    return NULL;
}

/* What clients left behind on purpose. */
static void tidy(const struct site *site, unsigned connections)
{
    struct line line;
    char path[96];
    line_init(&line, site->gateway);
    if (line_ask(&line, "DELETE", "/v1/shell/sessions", NULL, 200) < 0)
        tally_bad(KIND_TERMINAL, line.wedged, "%s", line.why);
    for (unsigned i = 0; i < connections; i++) {
        if (i / VIEWERS_OF_SHELL % 20 != 19)
            continue;
        (void)snprintf(path, sizeof path, "/v1/bash/sessions/events-%u/close", i);
        if (line_ask(&line, "POST", path, NULL, 200) < 0 && line.status != 404)
            tally_bad(KIND_QUIT, line.wedged, "%s", line.why);
    }
    line_done(&line);
}

void load_run(const struct site *site, unsigned connections, unsigned seconds)
{
    struct client *clients = calloc(connections, sizeof *clients);
    uint64_t until = now_us() + seconds * 1000000ULL;
    if (!clients)
        abort();
    for (unsigned i = 0; i < connections; i++)
        clients[i] = (struct client){
            .site = site, .number = i, .until = until, .chance = i * 2654435761U + 1};
    crowd_run(connections, run, clients, sizeof *clients);
    tidy(site, connections);
    free(clients);
}
