/* A kernel's sockets. Input: what the peer says after a sound greeting, or, where the first byte is
 * odd, from the first byte of the greeting on. */
#include "fuzz.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/zmtp.h"

#define CEILING (64 * KIB)

static struct loop *loop;
static struct address address;
static int listener;
static struct zmtp *client;
static bool ended;

static void on_opened(void *arg)
{
    (void)arg;
    HOLDS(!ended);
}

static void on_message(void *arg, const struct text *parts, size_t n)
{
    size_t total = 0;
    (void)arg;
    HOLDS(!ended && n >= 1 && n <= ZMTP_PARTS);
    for (size_t i = 0; i < n; i++) {
        /* Readable to its end. */
        unsigned sum = 0;
        for (size_t j = 0; j < parts[i].n; j++)
            sum += (unsigned char)parts[i].p[j];
        HOLDS(sum <= 255 * parts[i].n);
        total += parts[i].n;
    }
    HOLDS(total <= CEILING);
}

static void on_broken(void *arg, const char *why)
{
    (void)arg;
    HOLDS(!ended && why[0]);
    ended = true;
}

static int is_over(void *arg)
{
    (void)arg;
    return ended;
}

static void prepare(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct err err;
    (void)snprintf(address.path, sizeof address.path, "/tmp/sandgate-fuzz-zmtp-%d", getpid());
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", address.path);
    (void)unlink(at.sun_path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) < 0 ||
        listen(listener, 8) < 0 || loop_open(&loop, &err) < 0)
        abort();
}

static void forget(void)
{
    (void)unlink(address.path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char greeting[64] = {
        [0] = (char)0xff, [9] = 0x7f, [10] = 3, [12] = 'N', 'U', 'L', 'L'};
    struct err err;
    if (size == 0)
        return 0;
    if (!loop) {
        prepare();
        (void)atexit(forget);
    }
    const struct zmtp_spec spec = {.loop = loop,
                                   .address = &address,
                                   .kind = data[0] & 2 ? ZMTP_SUB : ZMTP_DEALER,
                                   .ceiling = CEILING,
                                   .hooks = {on_opened, on_message, on_broken, &ended}};
    ended = false;
    if (zmtp_open(&spec, &client, &err) < 0)
        abort();
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (!(data[0] & 1))
        (void)send(peer, greeting, sizeof greeting, MSG_NOSIGNAL);
    (void)send(peer, data + 1, size - 1, MSG_NOSIGNAL);
    (void)shutdown(peer, SHUT_WR);
    /* The end of the peer is the last thing it hears. */
    loop_drain(loop, is_over, NULL, 5000);
    HOLDS(ended);
    zmtp_close(client);
    (void)close(peer);
    return 0;
}
