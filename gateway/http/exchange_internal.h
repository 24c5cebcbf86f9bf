/* http/exchange_internal.h: the inside of an exchange, for exchange.c, daemon.c, park.c, request.c,
 * reply.c and pipeline.c only. */
#ifndef SANDGATE_HTTP_EXCHANGE_INTERNAL_H
#define SANDGATE_HTTP_EXCHANGE_INTERNAL_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/jsonw.h"
#include "core/auth.h"
#include "http/exchange.h"
#include "http/patience.h"
#include "http/router.h"

#define EXCHANGE_MAGIC 0x53474558u

#define MAX_HEADERS       100
#define MAX_REPLY_HEADERS 128 /* a service's own, and ours */
#define MAX_QUERY_PAIRS   64
#define STREAM_CEILING    (256 * KIB)
#define REPLY_CEILING     (192 * MIB)
/* A refused request's body up to this size is read and dropped, so that the connection lives and
 * the client sees the answer; beyond it the connection closes. */
#define DRAIN_CEILING (8 * MIB)
/* How long an answer may be expected within a moment. */
#define LINGER_MS 10
/* Connections that were ended to make room, and of which MHD does not know yet. */
#define CONNECTIONS_ENDING 64

/* MHD wants to be run also for what it can make nothing of, a chunk's line beyond its buffer; after
 * so many fruitless runs it gets a millisecond's rest. */
#define FRUITLESS_MAX 8

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;
struct MHD_UpgradeResponseHandle;

enum phase {
    PHASE_HEAD,
    PHASE_NO_BODY, /* next call runs */
    PHASE_BODY,
    PHASE_AWAIT, /* parked before the sink has begun: not a byte of the body is taken */
    PHASE_SINK,
    PHASE_DRAIN, /* reply is set, body is being dropped */
    PHASE_RUN,
    PHASE_SENT,
};

enum reply_kind { REPLY_NONE, REPLY_BYTES, REPLY_STATIC, REPLY_FILE, REPLY_STREAM, REPLY_UPGRADE };

struct reply {
    enum reply_kind kind;
    unsigned status;
    const char *type;
    struct bytes bytes; /* REPLY_BYTES; pending bytes of REPLY_STREAM */
    const char *text;
    size_t text_length;
    int fd;
    uint64_t offset, length;
    struct stream_hooks hooks;
    bool sized;          /* of a stream: `length` is told to the client */
    bool stream_ended;   /* no more bytes come */
    bool stream_broken;  /* and those that came are not all */
    bool stream_waiting; /* suspended for want of bytes */
    void (*upgrade)(void *, struct upgraded *, int, const char *, size_t);
    void *upgrade_arg;
    struct reply_header {
        const char *name, *value;
    } * headers; /* in the arena */
    size_t header_count, header_room;
    bool close;
};

struct upgraded {
    struct MHD_UpgradeResponseHandle *handle;
    struct server *server;
    struct upgraded *next, **link;
    void (*stop)(void *arg);
    void *stop_arg;
};

#define SPARE_ARENAS 64

struct server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct server_hooks hooks;
    struct server_limits limits;
    int listener;
    struct watch *accepting, *events;
    struct each *before;   /* runs MHD before the loop waits, when kicked */
    struct timer *timeout; /* MHD's own deadlines */
    uint64_t timeout_due;  /* when `timeout` fires; 0: not armed */
    bool kick;             /* MHD must run before the loop waits */
    bool moved;            /* something came of running MHD */
    unsigned fruitless;    /* times in a row that MHD was run and wanted to be, and nothing came */
    unsigned lingering;    /* exchanges that wait without MHD being told to leave them alone */
    bool stopping;
    struct patience patience;
    int spare;               /* a descriptor to give up where there are no more */
    struct exchange *parked; /* newest first */
    struct timer *tick, *accept_again;
    bool ticking;
    unsigned under_way;
    unsigned suspended;        /* exchanges MHD was told to leave alone */
    struct upgraded *upgraded; /* newest first */
    /* What malloc(3) takes longest for: of requests that are over, for those to come. */
    struct arena *spare_arenas[SPARE_ARENAS];
    unsigned spare_arena_count;
};

struct exchange {
    unsigned magic;
    enum phase phase;
    struct server *server;
    struct MHD_Connection *con;
    struct conn *conn;
    struct arena *arena;
    uint64_t started_ns;

    struct text method, target, raw_path, path;
    const char *raw_target; /* where MHD read it; an address to compare only */
    bool http10, bad_target, misread;
    bool no_memory;        /* for the target: not to be told from a bad one otherwise */
    bool undecoded;        /* path or query could not be decoded, or not wholly */
    const char *bad_query; /* name of a query value that is no text */
    struct header *headers;
    size_t header_count;
    bool too_many_headers;
    struct text_pair *query;
    size_t query_count;
    int64_t declared;
    struct bytes body;
    uint64_t drained; /* body bytes dropped after a refusal */
    const struct body_sink *sink;
    bool sink_open; /* begun, and neither aborted nor the handler's yet */
    void *state;

    const struct route *route;
    struct route_params params;
    struct grant grant;
    struct record {
        const char *action;
        struct text subject;
        const char *session;
        int64_t exit_code;
        bool exited;  /* with that code */
        bool begun;   /* it is in the log already */
        int64_t id;   /* of its entry; 0: none, or one it shares */
        bool failed;  /* answered with success=false */
        bool refused; /* the caller, not what was asked for */
    } record;
    bool cross_site_navigation;
    struct service *held[2]; /* in use until the exchange is over */
    void *input;
    struct bytes unknown; /* names of fields the route does not know */
    struct bytes out;     /* reply text being written */
    struct jsonw writer;
    const char *hint;

    struct reply reply;

    /* parked */
    bool parked, suspended, offloaded, left;
    bool expect_soon;           /* may linger */
    uint64_t linger_until;      /* 0: does not linger */
    struct exchange *wait_next; /* behind the busy workers */
    uint64_t parked_at, deadline;
    void (*ended)(void *, enum park_end);
    void *ended_arg;
    struct watch *hangup;
    struct exchange *park_next, **park_link;
    char peer[48];
};

/* request.c: split and decode the target. -1 when it is not an acceptable origin-form; 1 when it
 * is, but its path or query is no percent-encoded text, or of too many pairs. */
int request_parse_target(struct exchange *ex, const char *target);
/* What the sink began, no handler will take up. */
void request_drop_sink(struct exchange *ex);
/* Whether MHD 0.9.75 took the head, up to `end`, for what it is; `version` as MHD gave it. */
bool request_read_as_written(const struct exchange *ex, const char *version, const char *end);

/* request.c: text of the client's address. */
void request_set_peer(struct exchange *ex, const struct sockaddr *from);
/* request.c: which phase follows the pipeline's verdict. */
enum phase request_phase_after_head(struct exchange *ex, enum head_verdict verdict);
/* request.c: whether the body must be left where it is: its sender is held back by its socket. (MHD
 * is told when it brings some of it, not with the head: it would not ask about the head again.) */
bool request_awaits(struct exchange *ex);

/* request.c: whose turn it is on the connection. */
enum conn_state request_conn_state(const struct exchange *ex);

/* park.c */
void park_tick(void *server);
void park_end_all(struct server *server);
void park_unlink(struct exchange *ex);
/* The client left an exchange that MHD knows nothing of the park of. */
void park_left(struct exchange *ex);
/* Have the exchange watched for the client leaving (streams use this too). */
void park_link(struct exchange *ex);

/* Whether MHD is not told of the park yet. */
bool park_lingers(struct exchange *ex);
void park_stop_lingering(struct exchange *ex);

/* accept.c */
void accept_prepare(struct server *server);
void accept_done(struct server *server);
void accept_ready(void *server, unsigned events);
void accept_again(void *server);
/* daemon.c: serve a connection; the socket is no longer the caller's. */
void server_take(struct server *server, int fd, const struct sockaddr *from, socklen_t length);

/* exchange.c: let MHD go on with a suspended exchange. */
void exchange_resume(struct exchange *ex);
int exchange_socket(const struct exchange *ex);

/* Small segments are not held back for company (RFC 1122 section 4.2.3.4). */
static inline void send_at_once(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* A peer that vanished without a word is noticed within two minutes. */
static inline void notice_dead_peer(int fd)
{
    int on = 1, idle = 60, interval = 15, tries = 4;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

#endif
