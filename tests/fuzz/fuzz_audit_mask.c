/* Masking. Input: a byte that says which secret is put in, a byte that says how much room there is,
 * and a text with (up to) one NUL, where it is put in. */
#include "fuzz.h"

#include "base/utf8.h"
#include "core/audit_mask.h"

#define SECRET "Zq7wXvTr4s9KpLm2Nb6Yc8Hd"

static const char *const secrets[] = {
    "\nAPI_TOKEN=" SECRET "\n",
    "\nAuthorization: Bearer " SECRET "\n",
    "\n\"password\": \"" SECRET "\"\n",
    "\nhttps://user:" SECRET "@host/\n",
    "\nghp_" SECRET "\n",
    "\ntool --secret " SECRET "\n",
    "\nhttp://h/?api_key=" SECRET "&a=b\n",
    "\neyJ" SECRET "." SECRET "\n",
};

static bool has(const char *text, size_t n, const char *what)
{
    return memmem(text, n, what, strlen(what)) != NULL;
}

/* Whatever stands around a secret that is known as one, it does not come through. */
static void plant(const char *before, size_t before_n, const char *after, size_t after_n,
                  size_t which)
{
    const char *secret = secrets[which % (sizeof secrets / sizeof *secrets)];
    size_t n = before_n + strlen(secret) + after_n;
    char *text = malloc(n), *out = malloc(4 * n);
    memcpy(text, before, before_n);
    memcpy(text + before_n, secret, strlen(secret));
    memcpy(text + before_n + strlen(secret), after, after_n);
    size_t length = audit_mask(text, n, out, 4 * n);
    HOLDS(length <= 4 * n);
    if (!has(before, before_n, SECRET) && !has(after, after_n, SECRET))
        HOLDS(!has(out, length, SECRET));
    free(text);
    free(out);
}

static void cut(const char *text, size_t n, size_t room)
{
    char *out = malloc(room ? room : 1);
    size_t length = audit_mask(text, n, out, room);
    HOLDS(length <= room);
    if (utf8_valid(text, n))
        HOLDS(utf8_valid(out, length));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 2;
    size_t n = size - 2;
    const char *nul = n ? memchr(text, '\0', n) : NULL;
    size_t before = nul ? (size_t)(nul - text) : n, after = nul ? n - before - 1 : 0;
    cut(text, n, data[1]);
    plant(text, before, text + before + (nul != NULL), after, data[0]);
    return 0;
}
