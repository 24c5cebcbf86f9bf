/* core/digest.h: secrets are kept and looked up by their SHA-256 only: a table's content is of no
 * use to who reads it, and how long a look-up takes says nothing about a secret. Loop thread only.
 */
#ifndef SANDGATE_CORE_DIGEST_H
#define SANDGATE_CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct digest {
    uint64_t words[4];
};

struct digester;

int digester_open(struct digester **ret_digester, struct err *err) MUST_CHECK;
void digester_close(struct digester *digester);
/* -1 when the library fails. */
int digest_of(struct digester *digester, const char *text, size_t n,
              struct digest *ret_digest) MUST_CHECK;

/* 256 random bits, in hexadecimal. */
#define SECRET_LENGTH 64
int secret_make(char out[static SECRET_LENGTH + 1], struct err *err) MUST_CHECK;

/* A table of a bounded number of entries, which the caller embeds this in. */
struct digest_entry {
    struct digest key;
    struct digest_entry *next;          /* in the bucket */
    struct digest_entry *older, *newer; /* by when it was put, or touched */
};
struct digest_table {
    struct digest_entry **buckets;
    size_t bucket_count, count, max;
    struct digest_entry *oldest, *newest;
};

int digest_table_open(struct digest_table *table, size_t max, struct err *err) MUST_CHECK;
/* The entries are the caller's to free first. */
void digest_table_close(struct digest_table *table);
struct digest_entry *digest_table_get(const struct digest_table *table, const struct digest *key);
/* The key, set in `entry`, must not be there, and there must be room (count < max). */
void digest_table_put(struct digest_table *table, struct digest_entry *entry);
void digest_table_remove(struct digest_table *table, struct digest_entry *entry);
/* Makes it the newest. */
void digest_table_touch(struct digest_table *table, struct digest_entry *entry);

#endif
