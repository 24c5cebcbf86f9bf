/* core/grant.h: what a route demands, and what a credential gives. */
#ifndef SANDGATE_CORE_GRANT_H
#define SANDGATE_CORE_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set. */
enum scope {
    SCOPE_NONE = 0,
    SCOPE_READ = 1,    /* look at files, state, output */
    SCOPE_EXEC = 2,    /* run commands, write files */
    SCOPE_DESKTOP = 4, /* see and drive the screen */
    SCOPE_ADMIN = 8,   /* services and settings */
    SCOPE_ALL = 15,
};

/* The scope of that name ("read"), SCOPE_NONE when there is none. */
enum scope scope_of_name(const char *name, size_t n);
/* "read exec", in `out`. */
#define SCOPE_NAMES 32
void scope_names(unsigned scopes, char out[static SCOPE_NAMES]);

#define GRANT_WHO 64
struct grant {
    bool known;
    unsigned scopes;
    unsigned beside; /* what the credentials beside `cookie` leave */
    bool by_query;   /* the credential stood in the address: a page should move it to a cookie */
    bool bound;      /* to a path, by ticket or cookie */
    int64_t until;   /* seconds of the wall clock at which the credential ends; 0: it does not */
    /* Borrowed from the request. */
    const char *ticket;  /* was right and is not used up; may be bound to a path */
    const char *cookie;  /* one of its sessions let the request in; may be bound to a path */
    char who[GRANT_WHO]; /* for the record, never a secret: "anyone", "key", "jwt:alice" … */
};

/* What a request needs to be let in. */
struct demand {
    unsigned scopes;
    const char *path;   /* as the router saw it */
    const char *serves; /* the page whose part it is; NULL: it is nobody's */
};

#endif
