#include "http/guard.h"

#include "check.h"

#define MAX 16
static struct header headers[MAX];
static struct guard_request rq;
static struct err err;
static bool navigation;

/* The request's headers as "Name: value" lines; the value as it is given, without the one space. */
static void headers_are(const char *lines)
{
    size_t n = 0;
    while (*lines && n < MAX) {
        size_t length = strcspn(lines, "\n"), name = strcspn(lines, ":");
        static char texts[MAX][2][256];
        (void)snprintf(texts[n][0], 256, "%.*s", (int)name, lines);
        (void)snprintf(texts[n][1], 256, "%.*s", (int)(length - name - 2), lines + name + 2);
        headers[n] =
            (struct header){{texts[n][0], strlen(texts[n][0])}, {texts[n][1], strlen(texts[n][1])}};
        n++;
        lines += length + (lines[length] == '\n');
    }
    rq = (struct guard_request){
        .method = "POST", .target_ok = true, .headers = headers, .header_count = n};
}

static bool framed(const char *lines)
{
    headers_are(lines);
    return guard_framing(&rq, &err) == 0;
}

#define HOST "Host: localhost\n"

static void passes_ordinary_requests(void)
{
    CHECK(framed(HOST));
    CHECK(framed(HOST "Content-Length: 0\nAccept: */*\nX-Empty: "));
    CHECK(framed(HOST "transfer-encoding: CHUNKED"));
    CHECK(framed(HOST "X-Text: gr\xc3\xbcn\tund so"));
}

static void refuses_to_be_a_tunnel(void)
{
    headers_are(HOST);
    rq.method = "CONNECT";
    CHECK(guard_framing(&rq, &err) < 0 && err.kind == ERR_SYNTAX);
    rq.method = "connect";
    CHECK(guard_framing(&rq, &err) == 0);
}

static void refuses_two_readings_of_the_length(void)
{
    static const char *const bad[] = {HOST "Content-Length: 1\nContent-Length: 1",
                                      HOST "Content-Length: 1\nTransfer-Encoding: chunked",
                                      HOST "Transfer-Encoding: chunked\ncontent-length: 0",
                                      HOST "Content-Length: +1",
                                      HOST "Content-Length: -1",
                                      HOST "Content-Length: 1, 1",
                                      HOST "Content-Length: 0x1",
                                      HOST "Content-Length: ",
                                      HOST "Content-Length: 9999999999999999999",
                                      HOST "Transfer-Encoding: gzip, chunked",
                                      HOST "Transfer-Encoding: identity",
                                      HOST "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
                                      HOST "Transfer-Encoding: \x0b"
                                           "chunked"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (framed(bad[i]) || err.kind != ERR_SYNTAX)
            CHECK_TEXT("passed", bad[i]);
}

static void refuses_malformed_heads(void)
{
    CHECK(!framed("Accept: */*"));
    CHECK(!framed(HOST "Host: other"));
    CHECK(!framed(HOST "Content-Length : 1") && !framed(HOST ": x") && !framed(HOST "a(b: c"));
    CHECK(!framed(HOST "X: a\x01") && !framed(HOST "X: a\rb") && !framed(HOST "X: \x7f"));
    CHECK(!framed("Host: a/b") && !framed("Host: user@localhost"));
    headers_are(HOST);
    rq.method = "GE T";
    CHECK(guard_framing(&rq, &err) < 0);
    rq.method = "";
    CHECK(guard_framing(&rq, &err) < 0);
    headers_are(HOST);
    rq.target_ok = false;
    CHECK(guard_framing(&rq, &err) < 0);
    headers_are(HOST);
    rq.too_many_headers = true;
    CHECK(guard_framing(&rq, &err) < 0);
}

static void knows_http10(void)
{
    headers_are("Accept: */*");
    rq.http10 = true;
    CHECK(guard_framing(&rq, &err) == 0);
    headers_are(HOST "Transfer-Encoding: chunked");
    rq.http10 = true;
    CHECK(guard_framing(&rq, &err) < 0);
}

static bool served(const char *host, const char *allowed)
{
    char line[300];
    struct guard_policy policy = {.allowed_hosts = allowed};
    (void)snprintf(line, sizeof line, "Host: %s", host);
    headers_are(line);
    int r = guard_origin(&rq, &policy, &navigation, &err);
    return r == 0 || err.kind != ERR_FORBIDDEN;
}

static void serves_only_hosts_that_cannot_be_rebound(void)
{
    CHECK(served("localhost", NULL) && served("localhost:8080", NULL) &&
          served("LOCALHOST.", NULL));
    CHECK(served("app.localhost", NULL) && served("127.0.0.1:1", NULL) && served("10.1.2.3", NULL));
    CHECK(served("[::1]:8080", NULL) && served("[fe80::1]", NULL));
    CHECK(!served("evil.example", NULL) && !served("evillocalhost", NULL));
    CHECK(!served("localhost.evil.example", NULL) && !served("127.0.0.1.evil.example", NULL));
    CHECK(!served("0177.0.0.1", NULL) && !served("", NULL) && !served("[::1", NULL));
    CHECK(!served(":8080", NULL) && !served("127.0.0.1:port", NULL));
    CHECK(!served("[::1]8080", NULL) && !served("[::1]:x", NULL) && !served("[::1]:1:2", NULL));
    CHECK(served("localhost:", NULL) && !served("localhost:1:2", NULL));
    CHECK(!served("[127.0.0.1]", NULL) && !served("[1-7.0.0.1]:8080", NULL) &&
          !served("[localhost]", NULL));
}

static void serves_listed_hosts(void)
{
    const char *list = "my.example, .sub.example";
    CHECK(served("my.example", list) && served("MY.example:443", list));
    CHECK(served("a.sub.example", list) && served("a.b.sub.example", list));
    CHECK(!served("sub.example", list) && !served("evilsub.example", list));
    CHECK(!served("xmy.example", list) && !served("my.example.evil", list) && !served("my", list));
    CHECK(served("anything.at.all", "*"));
}

static bool allowed(const char *method, const char *lines)
{
    struct guard_policy policy = {.allowed_hosts = NULL};
    headers_are(lines);
    rq.method = method;
    return guard_origin(&rq, &policy, &navigation, &err) == 0;
}

static bool host_served(const char *host, const char *list)
{
    const struct guard_policy policy = {.allowed_hosts = list};
    char line[300];
    (void)snprintf(line, sizeof line, "Host: %s", host);
    headers_are(line);
    return guard_origin(&rq, &policy, &navigation, &err) == 0;
}

/* PORT-NAME counts as NAME, unless anybody could have it registered. */
static void serves_previews_of_known_hosts(void)
{
    static const char *const good[] = {
        "3000-localhost",          "3000-localhost:8080", "3000-127.0.0.1:80",  "3000-x.localhost",
        "1-box.corp.example:8080", "80-sandbox",          "3000-x.wild.example"};
    static const char *const bad[] = {"3000-evil.example",
                                      "3000-127.0.0.1.evil.example",
                                      "3000-two.example",
                                      "3000-",
                                      "3000-.",
                                      "x3000-localhost",
                                      "3000-3000-localhost",
                                      "3000-evillocalhost",
                                      "-localhost",
                                      "3000-evil.two.example"};
    const char *list = "box.corp.example,sandbox,two.example,.wild.example";
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!host_served(good[i], list))
            CHECK_TEXT("refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (host_served(bad[i], list))
            CHECK_TEXT("served", bad[i]);
    CHECK(host_served("3000-two.example", "two.example,3000-two.example"));
    CHECK(host_served("3000-anything.example", "*"));
}

static void refuses_two_ports(void)
{
    CHECK(framed(HOST "X-AIO-Proxy-Port: 1"));
    CHECK(!framed(HOST "X-AIO-Proxy-Port: 1\nx-aio-proxy-port: 2"));
}

static void refuses_other_origins(void)
{
    CHECK(allowed("POST", HOST) && !navigation);
    CHECK(allowed("POST", "Host: localhost:8080\nOrigin: http://localhost:8080"));
    CHECK(allowed("POST", HOST "Origin: http://localhost:80"));
    CHECK(allowed("POST", HOST "X-Forwarded-Host: my.example\nOrigin: https://my.example"));
    CHECK(!allowed("POST", "Host: localhost:8080\nOrigin: http://localhost:9090"));
    CHECK(!allowed("POST", HOST "Origin: null") && !allowed("POST", HOST "Origin: "));
    CHECK(!allowed("GET", HOST "Origin: http://evil.example"));
    CHECK(!allowed("POST", HOST "Origin: http://localhost\nOrigin: http://evil.example"));
    CHECK(!allowed("GET", HOST "Origin: http://localhost.evil.example"));
}

static void lets_people_follow_links_only(void)
{
    static const char cross[] = HOST "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\n"
                                     "Sec-Fetch-Dest: document";
    CHECK(allowed("GET", HOST "Sec-Fetch-Site: same-origin") && !navigation);
    CHECK(allowed("GET", HOST "Sec-Fetch-Site: none") && !navigation);
    CHECK(allowed("GET", cross) && navigation);
    CHECK(!allowed("POST", cross));
    CHECK(!allowed("GET", HOST "Sec-Fetch-Site: cross-site"));
    CHECK(!allowed("GET", HOST "Sec-Fetch-Site: same-site\nSec-Fetch-Mode: cors"));
    CHECK(!allowed("GET", HOST "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\n"
                               "Sec-Fetch-Dest: iframe"));
}

int main(void)
{
    RUN(passes_ordinary_requests);
    RUN(refuses_to_be_a_tunnel);
    RUN(refuses_two_readings_of_the_length);
    RUN(refuses_malformed_heads);
    RUN(knows_http10);
    RUN(serves_only_hosts_that_cannot_be_rebound);
    RUN(serves_listed_hosts);
    RUN(serves_previews_of_known_hosts);
    RUN(refuses_two_ports);
    RUN(refuses_other_origins);
    RUN(lets_people_follow_links_only);
    return CHECK_DONE();
}
