#include "core/digest.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Looking the algorithm up takes longer than hashing a short text: once is enough, and not before
 * there is something to hash, for it makes libcrypto read in megabytes of itself. */
struct digester {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

int digester_open(struct digester **ret_digester, struct err *err)
{
    *ret_digester = calloc(1, sizeof **ret_digester);
    return *ret_digester ? 0 : err_memory(err);
}

static bool is_ready(struct digester *d)
{
    if (!d->algorithm)
        d->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!d->context)
        d->context = EVP_MD_CTX_new();
    return d->algorithm && d->context;
}

void digester_close(struct digester *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->context);
    EVP_MD_free(d->algorithm);
    free(d);
}

int digest_of(struct digester *d, const char *text, size_t n, struct digest *ret_digest)
{
    bool done = is_ready(d) && EVP_DigestInit_ex2(d->context, d->algorithm, NULL) == 1 &&
                EVP_DigestUpdate(d->context, text, n) == 1 &&
                EVP_DigestFinal_ex(d->context, (unsigned char *)ret_digest->words, NULL) == 1;
    return done ? 0 : -1;
}

int secret_make(char out[static SECRET_LENGTH + 1], struct err *err)
{
    unsigned char raw[SECRET_LENGTH / 2];
    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
        return err_set(err, ERR_INTERNAL, "no random numbers to be had");
    for (size_t i = 0; i < sizeof raw; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

/* ---- the table ---- */

int digest_table_open(struct digest_table *t, size_t max, struct err *err)
{
    size_t count = 16;
    while (count < max)
        count *= 2;
    *t = (struct digest_table){.bucket_count = count, .max = max};
    t->buckets = calloc(count, sizeof(struct digest_entry *));
    return t->buckets ? 0 : err_memory(err);
}

void digest_table_close(struct digest_table *t)
{
    free(t->buckets);
    *t = (struct digest_table){0};
}

static struct digest_entry **slot(const struct digest_table *t, const struct digest *key)
{
    struct digest_entry **at = &t->buckets[key->words[0] & (t->bucket_count - 1)];
    while (*at && memcmp(&(*at)->key, key, sizeof *key) != 0)
        at = &(*at)->next;
    return at;
}

struct digest_entry *digest_table_get(const struct digest_table *t, const struct digest *key)
{
    return *slot(t, key);
}

static void link_newest(struct digest_table *t, struct digest_entry *e)
{
    e->newer = NULL;
    e->older = t->newest;
    if (t->newest)
        t->newest->newer = e;
    else
        t->oldest = e;
    t->newest = e;
}

static void unlink_age(struct digest_table *t, struct digest_entry *e)
{
    if (e->newer)
        e->newer->older = e->older;
    else
        t->newest = e->older;
    if (e->older)
        e->older->newer = e->newer;
    else
        t->oldest = e->newer;
}

void digest_table_put(struct digest_table *t, struct digest_entry *e)
{
    e->next = NULL;
    *slot(t, &e->key) = e;
    link_newest(t, e);
    t->count++;
}

void digest_table_remove(struct digest_table *t, struct digest_entry *e)
{
    *slot(t, &e->key) = e->next;
    unlink_age(t, e);
    t->count--;
}

void digest_table_touch(struct digest_table *t, struct digest_entry *e)
{
    if (t->newest == e)
        return;
    unlink_age(t, e);
    link_newest(t, e);
}
