/* coldcdp PORT: milliseconds until the browser has answered a command over CDP: GET
 * /cdp/json/version, a WebSocket to the address it names, Browser.getVersion. */
#include "clock.h"
#include "ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wire wire;

/* The path of the debugger's address, in memory the caller frees. */
static char *debugger_path(size_t port)
{
    static const char member[] = "\"webSocketDebuggerUrl\"";
    char *request = http_request("/cdp/json/version", NULL), *body, *at, *path;
    struct reply reply;

    wire_open(&wire, port);
    wire_send(&wire, request, strlen(request));
    free(request);
    reply = wire_head(&wire);
    wire_need(&wire, reply.length);
    body = strndup(wire.buffer + wire.start, reply.length);
    if (body == NULL)
        die("out of memory");
    if (reply.status != 200)
        die("/cdp/json/version answered status %d: %s", reply.status, body);
    at = strstr(body, member);
    at = at != NULL ? strstr(at + sizeof(member) - 1, "://") : NULL;
    at = at != NULL ? strchr(at + 3, '/') : NULL;
    if (at == NULL)
        die("no address of the debugger in %s", body);
    path = strndup(at, strcspn(at, "\""));
    free(body);
    wire_close(&wire);
    return path;
}

int main(int argc, char **argv)
{
    struct message message;
    int64_t from = now_ns();
    size_t port;
    char *path;

    if (argc != 2)
        die("usage: coldcdp PORT");
    port = number_arg(argv[1], 65535, "PORT");
    path = debugger_path(port);
    ws_open(&wire, port, path, NULL);
    free(path);
    ws_send_text(&wire, "{\"id\":1,\"method\":\"Browser.getVersion\"}");
    message = ws_read(&wire);
    if (memmem(message.data, message.length, "\"userAgent\"", 11) == NULL)
        die("the browser answered %.*s", (int)message.length, message.data);
    printf("%.1f\n", (double)(now_ns() - from) / 1e6);
    wire_close(&wire);
    return 0;
}
