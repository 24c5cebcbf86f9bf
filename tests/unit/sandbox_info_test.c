/* The pure parts of describing the machine. */
#include "core/ports.h"
#include "core/sandbox_info.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "check.h"

static void picks_versions(void)
{
    static const char *const pairs[][2] = {
        {"Python 3.11.2\n", "3.11.2"},
        {"v20.20.2\n", "20.20.2"},
        {"git version 2.39.2", "2.39.2"},
        {"GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", "5.2.15"},
        {"jq-1.6", "1.6"},
        {"gcc (Debian 12.2.0-14) 12.2.0", "12.2.0"},
        {"OpenSSH_9.2p1 Debian-2", "9.2"},
        {"less 590 (GNU regular expressions)", "590"},
        {"openjdk version \"17.0.8\" 2023-07-18", "17.0.8"},
        {"curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1", "7.88.1"},
        {"x86_64 only", ""},
        {"ends in 1.", ""},
        {"", ""},
    };
    char to[32];
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        toolbox_pick_version(pairs[i][0], to, sizeof to);
        CHECK_TEXT(to, pairs[i][1]);
    }
    toolbox_pick_version("1.2.3.4.5.6.7.8.9", to, 6);
    CHECK_TEXT(to, "1.2.3");
}

static void reads_os_release(void)
{
    static const char text[] =
        "NAME=\"Debian GNU/Linux\"\nVERSION_ID='12'\nID=debian\nBROKEN\nVERSION=\"\n";
    struct arena *arena = arena_new();
    CHECK_TEXT(os_release_value(text, "NAME", arena), "Debian GNU/Linux");
    CHECK_TEXT(os_release_value(text, "VERSION_ID", arena), "12");
    CHECK_TEXT(os_release_value(text, "ID", arena), "debian");
    CHECK_TEXT(os_release_value(text, "VERSION", arena), "\"");
    CHECK(os_release_value(text, "BROKEN", arena) == NULL);
    CHECK(os_release_value(text, "NAM", arena) == NULL &&
          os_release_value(NULL, "ID", arena) == NULL);
    arena_free(arena);
}

static void reads_socket_lines(void)
{
    CHECK(ports_of_line("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000") == 8080);
    CHECK(ports_of_line("  12: 00000000000000000000000001000000:0016 "
                        "00000000000000000000000000000000:0000 0A 0") == 22);
    CHECK(ports_of_line("   0: 0100007F:1F90 0100007F:ABCD 01 00000000:00000000") == -1);
    CHECK(ports_of_line("  sl  local_address rem_address   st") == -1 && ports_of_line("") == -1);
}

static void sees_a_listening_socket(void)
{
    static bool taken[PORTS_ALL];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, n) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
    ports_listening(taken);
    CHECK(taken[ntohs(address.sin_port)]);
    CHECK(close(fd) == 0);
    memset(taken, 0, sizeof taken);
    ports_listening(taken);
    CHECK(!taken[ntohs(address.sin_port)]);
}

int main(void)
{
    RUN(picks_versions);
    RUN(reads_os_release);
    RUN(reads_socket_lines);
    RUN(sees_a_listening_socket);
    return CHECK_DONE();
}
