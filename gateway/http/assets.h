/* http/assets.h: files of a directory as replies, for the web pages.
 *
 * A name is looked up step by step without following symbolic links, so nothing outside the
 * directory can be named. Where NAME.br or NAME.gz lies beside NAME, the client's preference
 * decides. Tags, dates, ranges and HEAD are answered as http/conditional decides. Files are opened
 * anew for each request: a rebuilt directory is served at once. Quick system calls only. */
#ifndef SANDGATE_HTTP_ASSETS_H
#define SANDGATE_HTTP_ASSETS_H

#include "base/err.h"
#include "http/exchange.h"

/* How long a client may keep a file without asking. */
enum asset_keep {
    ASSET_REVALIDATE, /* ask every time: pages, whose content moves under one name */
    ASSET_BY_NAME,    /* for ever where the name holds a content hash (x-ABCD1234.js), else ask */
};

/* Reply with the file `name` ("static/x.js") of `directory`. Fails with ERR_NOT_FOUND for what is
 * not a regular file there. */
int assets_reply(struct exchange *ex, const char *directory, const char *name, enum asset_keep keep,
                 struct err *err) MUST_CHECK;

/* The type a name's ending stands for. */
const char *asset_type(const char *name);
/* Whether `name` ends in -HASH.EXTENSION, the hash being eight capitals or digits. */
bool asset_name_is_hashed(const char *name);

/* The headers of everything the gateway shows to a browser. */
void assets_add_security_headers(struct exchange *ex);

#endif
