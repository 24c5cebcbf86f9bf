#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bytes_done(struct bytes *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
}

void bytes_clear(struct bytes *b)
{
    b->len = 0;
    b->failed = b->no_memory = false;
}

void bytes_consume(struct bytes *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

int bytes_reserve(struct bytes *b, size_t more)
{
    if (b->failed)
        return -1;
    /* One byte beyond the content is kept for bytes_text's NUL. */
    if (more > b->limit || b->len > b->limit - more) {
        b->failed = true;
        return -1;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    if (cap > b->limit + 1)
        cap = b->limit + 1;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = b->no_memory = true;
        return -1;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int bytes_add(struct bytes *b, const void *data, size_t n)
{
    if (bytes_reserve(b, n) < 0)
        return -1;
    if (n)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    return 0;
}

int bytes_adds(struct bytes *b, const char *text)
{
    return bytes_add(b, text, strlen(text));
}

int bytes_addc(struct bytes *b, char c)
{
    return bytes_add(b, &c, 1);
}

int bytes_addu(struct bytes *b, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    return bytes_add(b, digits + at, sizeof digits - at);
}

int bytes_printf(struct bytes *b, const char *format, ...)
{
    va_list args;
    size_t room = b->cap - b->len;
    va_start(args, format);
    int n = vsnprintf(b->data ? b->data + b->len : NULL, room, format, args);
    va_end(args);
    if (n < 0 || bytes_reserve(b, (size_t)n) < 0)
        return -1;
    if ((size_t)n >= room) {
        va_start(args, format);
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
        va_end(args);
    }
    b->len += (size_t)n;
    return 0;
}

const char *bytes_text(struct bytes *b)
{
    if (bytes_reserve(b, 0) < 0)
        return NULL;
    b->data[b->len] = '\0';
    return b->data;
}

char *bytes_take(struct bytes *b, size_t *ret_len)
{
    if (!bytes_text(b))
        return NULL;
    char *data = b->data;
    if (ret_len)
        *ret_len = b->len;
    b->data = NULL;
    b->len = b->cap = 0;
    return data;
}

int parse_u64(const char *text, size_t n, uint64_t *ret_value)
{
    if (n == 0 || n > 20)
        return -1;
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return -1;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return 0;
}

int parse_i64(const char *text, size_t n, int64_t *ret_value)
{
    bool negative = n > 0 && text[0] == '-';
    uint64_t value;
    if (parse_u64(text + negative, n - negative, &value) < 0 || value > INT64_MAX)
        return -1;
    *ret_value = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

long percent_decode(char *text, size_t n, bool plus)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '%') {
            text[out++] = plus && text[i] == '+' ? ' ' : text[i];
            continue;
        }
        int hi = i + 2 < n ? hex_digit(text[i + 1]) : -1;
        int lo = i + 2 < n ? hex_digit(text[i + 2]) : -1;
        if (hi < 0 || lo < 0)
            return -1;
        text[out++] = (char)(hi * 16 + lo);
        i += 2;
    }
    text[out] = '\0';
    return (long)out;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct bytes *out, const void *data, size_t n)
{
    const unsigned char *p = data;
    if (n > SIZE_MAX / 2 || bytes_reserve(out, (n + 2) / 3 * 4) < 0) {
        out->failed = true;
        return -1;
    }
    char *to = out->data + out->len;
    for (size_t i = 0; i < n; i += 3) {
        unsigned left = n - i < 3 ? (unsigned)(n - i) : 3;
        unsigned triple = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                          (left > 2 ? p[i + 2] : 0);
        *to++ = base64_alphabet[triple >> 18 & 63];
        *to++ = base64_alphabet[triple >> 12 & 63];
        *to++ = left > 1 ? base64_alphabet[triple >> 6 & 63] : '=';
        *to++ = left > 2 ? base64_alphabet[triple & 63] : '=';
    }
    out->len = (size_t)(to - out->data);
    return 0;
}

int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(struct bytes *out, const char *text, size_t n)
{
    unsigned bits = 0, have = 0, pad = 0, symbols = 0;
    if (bytes_reserve(out, n / 4 * 3 + 3) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        symbols++;
        if (c == '=') {
            pad++;
            continue;
        }
        int value = base64_value(c);
        if (value < 0 || pad)
            return -1;
        bits = bits << 6 | (unsigned)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out->data[out->len++] = (char)(bits >> have & 0xff);
        }
    }
    return pad <= 2 && symbols % 4 == 0 && (bits & ((1u << have) - 1)) == 0 ? 0 : -1;
}

bool bytes_equal_secret(const char *a, size_t an, const char *b, size_t bn)
{
    /* The loop's length depends on the caller's own guess only, never on the secret's bytes. */
    unsigned char differs = an != bn;
    for (size_t i = 0; i < an; i++)
        differs |= (unsigned char)(a[i] ^ (bn ? b[i % bn] : 1));
    return differs == 0;
}
