#include "io/zmtp.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "check.h"

#define CEILING (1 * MIB)
#define WAIT_MS 5000

static struct loop *loop;
static struct address address;
static struct zmtp *client;
static int listener, peer;
static struct err err;

static int opened, messages, broken;
static bool close_in_message;
static struct bytes last = {.limit = 4 * MIB}; /* of the last message, parts joined by | */

static void on_opened(void *arg)
{
    (void)arg;
    opened++;
}

static void on_message(void *arg, const struct text *parts, size_t n)
{
    (void)arg;
    messages++;
    bytes_clear(&last);
    for (size_t i = 0; i < n; i++) {
        if (i)
            (void)bytes_addc(&last, '|');
        (void)bytes_add(&last, parts[i].p, parts[i].n);
    }
    if (close_in_message) {
        zmtp_close(client);
        client = NULL;
    }
}

static void on_broken(void *arg, const char *why)
{
    (void)arg;
    CHECK(why[0]);
    broken++;
    zmtp_close(client);
    client = NULL;
}

static int never(void *arg)
{
    const int *count = arg;
    return count && *count > 0;
}

static void say(const char *data, size_t n)
{
    while (n) {
        ssize_t done = send(peer, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done > 0) {
            data += done;
            n -= (size_t)done;
        } else {
            loop_drain(loop, never, NULL, 1);
        }
    }
}

#define SAY(literal) say(literal, sizeof(literal) - 1)

static bool wait_for(int *count)
{
    loop_drain(loop, never, count, WAIT_MS);
    return *count > 0;
}

static void hear(char *out, size_t n)
{
    size_t at = 0;
    while (at < n) {
        ssize_t got = recv(peer, out + at, n - at, MSG_DONTWAIT);
        if (got > 0)
            at += (size_t)got;
        else
            loop_drain(loop, never, NULL, 1);
    }
}

static void begin(enum zmtp_kind kind)
{
    const struct zmtp_spec spec = {.loop = loop,
                                   .address = &address,
                                   .kind = kind,
                                   .ceiling = CEILING,
                                   .hooks = {on_opened, on_message, on_broken, &client}};
    opened = messages = broken = 0;
    close_in_message = false;
    CHECK(zmtp_open(&spec, &client, &err) == 0);
    peer = accept(listener, NULL, NULL);
}

static void end(void)
{
    zmtp_close(client);
    client = NULL;
    (void)close(peer);
}

static const char greeting[64] = {(char)0xff, 0,    0, 0, 0,   0,   0,   0,
                                  1,          0x7f, 3, 1, 'N', 'U', 'L', 'L'};

static void shake_hands(enum zmtp_kind kind)
{
    char said[64 + 60];
    begin(kind);
    hear(said, 64);
    CHECK((unsigned char)said[0] == 0xff && said[9] == 0x7f && said[10] == 3);
    CHECK(memcmp(said + 12, "NULL", 5) == 0);
    say(greeting, sizeof greeting);
    hear(said, 2);
    CHECK(said[0] == 4);
    size_t n = (size_t)said[1];
    hear(said, n);
    CHECK(memcmp(said, "\5READY\13Socket-Type\0\0\0", 21) == 0);
    SAY("\4\32\5READY\13Socket-Type\0\0\0\4XPUB");
    CHECK(wait_for(&opened));
}

static void speaks_and_listens(void)
{
    const struct text parts[] = {{"<IDS|MSG>", 9}, {"", 0}, {"x", 1}};
    char said[32];
    shake_hands(ZMTP_DEALER);
    CHECK(zmtp_send(client, parts, 3, &err) == 0);
    hear(said, 16);
    CHECK(memcmp(said, "\1\11<IDS|MSG>\1\0\0\1x", 16) == 0);
    SAY("\1\2ab\1\0\0\3cde");
    CHECK(wait_for(&messages));
    CHECK_TEXT(bytes_text(&last), "ab||cde");
    end();
}

static void a_subscriber_asks_for_all(void)
{
    char said[3];
    shake_hands(ZMTP_SUB);
    hear(said, 3);
    CHECK(memcmp(said, "\0\1\1", 3) == 0);
    /* Commands that came later than 3.0 are passed over. */
    SAY("\4\7\4PING\0\0\0\1m");
    CHECK(wait_for(&messages) && !broken);
    CHECK_TEXT(bytes_text(&last), "m");
    end();
}

static void every_cut_of_a_message_is_the_same(void)
{
    static const char message[] = "\1\2ab\3\0\0\0\0\0\0\0\3cde\0\1f";
    for (size_t i = 1; i < sizeof message - 1; i++) {
        shake_hands(ZMTP_DEALER);
        say(message, i);
        loop_drain(loop, never, &messages, 5);
        say(message + i, sizeof message - 1 - i);
        CHECK(wait_for(&messages));
        CHECK_TEXT(bytes_text(&last), "ab|cde|f");
        end();
    }
}

static void long_messages_fit_up_to_the_ceiling(void)
{
    size_t n = CEILING / 2;
    char *text = malloc(n), head[9] = {2, 0, 0, 0, 0, 0, 8, 0, 0};
    if (!text)
        abort();
    (void)memset(text, 'y', n);
    shake_hands(ZMTP_DEALER);
    say(head, sizeof head);
    say(text, n);
    CHECK(wait_for(&messages) && last.len == n && last.data[n - 1] == 'y');
    free(text);
    end();
}

static void hostile(const char *data, size_t n)
{
    shake_hands(ZMTP_DEALER);
    say(data, n);
    CHECK(wait_for(&broken) && !messages);
    end();
}

static void refuses_what_is_too_much(void)
{
    static char many[2 * (ZMTP_PARTS + 1)];
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 1;
    hostile(many, sizeof many);
    hostile("\2\377\377\377\377\377\377\377\377", 9);
    hostile("\2\0\0\0\0\0\20\0\1", 9); /* one more than the ceiling */
}

static void refuses_another_language(void)
{
    begin(ZMTP_DEALER);
    char http[64] = "HTTP/1.1 200 OK\r\n";
    say(http, sizeof http);
    CHECK(wait_for(&broken) && !opened);
    end();
    begin(ZMTP_DEALER);
    say(greeting, sizeof greeting);
    SAY("\0\5hello");
    CHECK(wait_for(&broken) && !opened);
    end();
}

static void hears_of_the_end(void)
{
    shake_hands(ZMTP_DEALER);
    (void)close(peer);
    CHECK(wait_for(&broken));
    peer = -1;
    end();
}

static void may_be_closed_while_it_speaks(void)
{
    shake_hands(ZMTP_DEALER);
    close_in_message = true;
    SAY("\0\1a\0\1b");
    CHECK(wait_for(&messages));
    CHECK(messages == 1 && !broken && !client);
    end();
}

int main(void)
{
    char dir[] = "/tmp/zmtp-test-XXXXXX";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (!mkdtemp(dir) || loop_open(&loop, &err) < 0)
        return 1;
    (void)snprintf(address.path, sizeof address.path, "%s/s", dir);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/s", dir);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4) < 0)
        return 1;
    RUN(speaks_and_listens);
    RUN(a_subscriber_asks_for_all);
    RUN(every_cut_of_a_message_is_the_same);
    RUN(long_messages_fit_up_to_the_ceiling);
    RUN(refuses_what_is_too_much);
    RUN(refuses_another_language);
    RUN(hears_of_the_end);
    RUN(may_be_closed_while_it_speaks);
    (void)close(listener);
    (void)unlink(address.path);
    (void)rmdir(dir);
    bytes_done(&last);
    loop_close(loop);
    return CHECK_DONE();
}
