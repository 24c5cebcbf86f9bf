#include "http/response_head.h"

#include "check.h"

static struct response_head *head;
static struct err err;
static char text[RESPONSE_HEAD_MAX * 2];

/* One at a time. */
static int parse(char *from, size_t n, const char *method)
{
    free(head);
    head = NULL;
    return response_head_parse(from, n, method, &head, &err);
}

static bool parsed_for(const char *method, const char *given)
{
    size_t n = (size_t)snprintf(text, sizeof text, "%s", given);
    long length = response_head_length(text, n);
    err = ERR_INIT;
    return length > 0 && parse(text, (size_t)length, method) == 0;
}

static bool parsed(const char *given)
{
    return parsed_for("GET", given);
}

static void reads_an_ordinary_head(void)
{
    CHECK(parsed(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nX-Odd:\t a b \t\r\n\r\nbody"));
    CHECK(head->status == 206 && head->keep_alive && head->framing == FRAMED_LENGTH);
    CHECK(head->has_length && head->length == 12);
    CHECK(head->header_count == 2);
    CHECK_TEXT(response_header(head, "x-odd"), "a b");
    CHECK(response_header(head, "X-Od") == NULL);
}

static void finds_the_end_of_the_head(void)
{
    CHECK(response_head_length("HTTP/1.1 200 OK\r\nA: b\r\n\r\nxyz", 28) == 25);
    CHECK(response_head_length("HTTP/1.1 200 OK\nA: b\n\nxyz", 25) == 22);
    CHECK(response_head_length("HTTP/1.1 200 OK\r\nA: b\r\n\r", 24) == 0);
    CHECK(response_head_length("", 0) == 0);
    memset(text, 'a', sizeof text);
    CHECK(response_head_length(text, RESPONSE_HEAD_MAX - 1) == 0);
    CHECK(response_head_length(text, RESPONSE_HEAD_MAX) == -1);
}

static void takes_what_small_servers_write(void)
{
    CHECK(parsed("HTTP/1.1 200\r\n\r\n") && head->framing == FRAMED_BY_CLOSE && !head->keep_alive);
    CHECK(parsed("HTTP/1.1 200 \r\n\r\n"));
    CHECK(parsed("HTTP/1.0 200 OK\nContent-Type: text/plain\n\n"));
    CHECK(!head->keep_alive && head->framing == FRAMED_BY_CLOSE);
    CHECK(parsed("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n") && !head->keep_alive);
}

static void knows_where_the_body_ends(void)
{
    CHECK(parsed("HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n"));
    CHECK(head->framing == FRAMED_CHUNKED && !head->has_length && head->keep_alive);
    CHECK(parsed("HTTP/1.1 204 No Content\r\n\r\n") && head->framing == FRAMED_EMPTY);
    CHECK(parsed("HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n") && head->framing == FRAMED_EMPTY);
    CHECK(head->length == 9 && head->keep_alive);
    CHECK(parsed("HTTP/1.1 101 x\r\n\r\n") && head->framing == FRAMED_EMPTY && !head->keep_alive);
    CHECK(parsed_for("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"));
    CHECK(head->framing == FRAMED_EMPTY && head->has_length && head->length == 77);
    CHECK(parsed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") && head->framing == FRAMED_LENGTH);
}

static void knows_when_the_connection_ends(void)
{
    CHECK(parsed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: foo, Close\r\n\r\n"));
    CHECK(!head->keep_alive);
    CHECK(parsed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: closed\r\n\r\n"));
    CHECK(head->keep_alive);
    CHECK(parsed(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x\r\nConnection: close\r\n\r\n"));
    CHECK(!head->keep_alive);
}

static void refuses_what_could_be_read_two_ways(void)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nAb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "RFB 003.008\n\n",
        "\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parsed(bad[i]))
            (void)printf("taken: %s\n", bad[i]);
        CHECK(!parsed(bad[i]) && err.kind == ERR_UNAVAILABLE);
    }
    CHECK(parse(memcpy(text, "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 26), 25, "GET") < 0);
}

static void counts_headers(void)
{
    size_t n = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < RESPONSE_HEADERS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "A: %d\r\n", i);
    size_t end = n + (size_t)snprintf(text + n, sizeof text - n, "\r\n");
    CHECK(parse(text, end, "GET") == 0);
    n = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i <= RESPONSE_HEADERS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "A: %d\r\n", i);
    end = n + (size_t)snprintf(text + n, sizeof text - n, "\r\n");
    CHECK(parse(text, end, "GET") < 0);
}

/* ---- chunks ---- */

/* The content, in pieces of `step`; what was left over in *ret_rest, -1 when malformed or short. */
static const char *dechunked(const char *data, size_t n, size_t step, long *ret_rest)
{
    static char body[256];
    size_t at = 0, have = 0;
    struct chunked c = {0};
    bool end = false;
    *ret_rest = -1;
    while (at < n && !end) {
        struct text piece;
        size_t give = n - at < step ? n - at : step;
        long used = chunked_take(&c, data + at, give, &piece, &end);
        if (used < 0 || (used == 0 && !end))
            return "";
        memcpy(body + have, piece.p, piece.n);
        have += piece.n;
        at += (size_t)used;
    }
    body[have] = '\0';
    if (end)
        *ret_rest = (long)(n - at);
    return body;
}

static void takes_chunks_however_they_are_cut(void)
{
    static const char data[] =
        "5;a=b\r\nhello\r\n0A \r\n, my world\r\n000\r\nT: x\r\nU: y\r\n\r\nHTTP";
    for (size_t step = 1; step < sizeof data; step++) {
        long rest;
        CHECK_TEXT(dechunked(data, sizeof data - 1, step, &rest), "hello, my world");
        CHECK(rest == 4);
    }
    long rest;
    CHECK_TEXT(dechunked("1\nx\n0\n\n", 7, 3, &rest), "x");
    CHECK(rest == 0);
}

static void refuses_malformed_chunks(void)
{
    static const char *const bad[] = {"\r\n",        "x\r\n",          "-1\r\n",
                                      "1\r\nxy",     "1\r\nx\r\r",     "0x1\r\nx\r\n",
                                      "1\rx",        " 1\r\nx",        "1000000000000000\r\n",
                                      "1_0\r\nxxxx", "1\r\nx0\r\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct chunked c = {0};
        struct text piece;
        bool end = false;
        long used = 1;
        const char *at = bad[i];
        while (*at && used > 0 && !end) {
            used = chunked_take(&c, at, strlen(at), &piece, &end);
            at += used > 0 ? used : 0;
        }
        if (used >= 0)
            (void)printf("taken: %s\n", bad[i]);
        CHECK(used < 0);
    }
}

static void bounds_what_it_drops(void)
{
    struct chunked c = {0};
    struct text piece;
    bool end = false;
    CHECK(chunked_take(&c, "0\r\n", 3, &piece, &end) == 3 && !end);
    memset(text, 'a', sizeof text);
    CHECK(chunked_take(&c, text, 20000, &piece, &end) == -1);
}

static void finds_tokens(void)
{
    CHECK(list_has_token("keep-alive, Upgrade", "upgrade"));
    CHECK(list_has_token("upgrade", "Upgrade"));
    CHECK(!list_has_token("upgrades, xupgrade", "upgrade"));
    CHECK(!list_has_token("", "upgrade") && !list_has_token(NULL, "upgrade"));
}

int main(void)
{
    RUN(reads_an_ordinary_head);
    RUN(finds_the_end_of_the_head);
    RUN(takes_what_small_servers_write);
    RUN(knows_where_the_body_ends);
    RUN(knows_when_the_connection_ends);
    RUN(refuses_what_could_be_read_two_ways);
    RUN(counts_headers);
    RUN(takes_chunks_however_they_are_cut);
    RUN(refuses_malformed_chunks);
    RUN(bounds_what_it_drops);
    RUN(finds_tokens);
    return CHECK_DONE();
}
