/* Every allocation of the small rooms fails in turn: what they return says so, nothing leaks, and
 * with the next they work again. */
#include "shim.h"

#include <cjson/cJSON.h>

#include "check.h"

#include "api/app.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/map.h"
#include "base/multipart.h"
#include "base/observers.h"
#include "core/kernel_message.h"
#include "core/manifest.h"
#include "http/openapi.h"
#include "http/router.h"

#define LONG "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct fault_page page;

/* `attempt` is true when it worked and what came of it is right, false when it was told that it did
 * not; it must be the former exactly when no allocation failed, unless it can do with less. */
static void each_allocation(bool (*attempt)(void), bool may_do_without)
{
    bool whole = false;
    for (uint64_t n = 1; !whole && n < 100000; n++) {
        page.kinds = FAULT_MEMORY;
        page.run = n % 2 ? 1 : UINT64_MAX / 2;
        page.fail_at = (n + 1) / 2;
        page.count = page.fired = 0;
        fault_page = &page;
        bool worked = attempt();
        fault_page = NULL;
        whole = page.fired == 0;
        CHECK(worked || !whole);
        CHECK(!worked || whole || may_do_without);
        CHECK(attempt());
    }
    CHECK(whole);
    CHECK(page.count > 0);
}

/* ---- bytes ---- */

static bool fill_bytes(void)
{
    cleanup_bytes struct bytes b = BYTES_INIT(64 * KIB), coded = BYTES_INIT(64 * KIB);
    size_t n = 0;
    for (int i = 0; i < 100; i++) {
        (void)bytes_adds(&b, LONG);
        (void)bytes_printf(&b, "%d %s", i, LONG);
        (void)bytes_addu(&b, (uint64_t)i);
    }
    if (!b.failed)
        (void)base64_encode(&coded, b.data, b.len);
    const char *text = bytes_text(&b);
    bool right = text && strlen(text) == b.len && !coded.failed && coded.len == (b.len + 2) / 3 * 4;
    char *taken = bytes_take(&b, &n);
    free(taken);
    return right && taken && n;
}

static void bytes_may_fail(void)
{
    each_allocation(fill_bytes, false);
}

/* ---- JSON ---- */

struct document {
    struct text text, path;
    struct text_list list;
    struct int_list numbers;
    struct text_map map;
    int64_t count;
    struct text inner;
};

#define AT(member) .offset = offsetof(struct document, member)
static const struct field fields[] = {
    {"text", FIELD_TEXT, AT(text), .required = true, .max = 1000},
    {"path", FIELD_PATH, AT(path)},
    {"list", FIELD_TEXT_LIST, AT(list), .max = 10},
    {"numbers", FIELD_INT_LIST, AT(numbers), .max = 10},
    {"map", FIELD_TEXT_MAP, AT(map), .max = 10},
    {"count", FIELD_INT, AT(count), .fallback = "3"},
    {"outer.inner", FIELD_TEXT, AT(inner), .max = 10},
    FIELDS_END,
};

#define DOCUMENT                                                                                   \
    "{\"text\":\"a\\u00e9" LONG "\",\"path\":\"/a\",\"list\":[\"b\",\"c\"],\"numbers\":[1,2],"     \
    "\"map\":{\"d\":\"e\",\"f\":null},\"outer\":{\"inner\":\"g\"},\"other\":{\"x\":[1,{}]}}"

static bool is_right(const struct document *d)
{
    return d->text.n == 3 + strlen(LONG) && d->list.n == 2 &&
           strcmp(d->list.items[1].p, "c") == 0 && d->numbers.n == 2 && d->numbers.items[1] == 2 &&
           d->map.n == 2 && !d->map.items[1].value.p && d->count == 3 &&
           strcmp(d->inner.p, "g") == 0 && strcmp(d->path.p, "/a") == 0;
}

static bool decode(void)
{
    static const char text[] = DOCUMENT;
    cleanup_bytes struct bytes unknown = BYTES_INIT(KIB);
    struct err err = ERR_INIT;
    struct document d;
    struct arena *arena = arena_new();
    bool ok = arena &&
              json_decode(arena, text, sizeof text - 1, fields, &d, sizeof d, &unknown, &err) == 0;
    CHECK(ok || !arena || (err.kind == ERR_MEMORY && err.text[0]));
    bool right = ok && is_right(&d) && !unknown.failed;
    CHECK(!ok || is_right(&d));
    arena_free(arena);
    return right;
}

static int take(void *arg, const void *out)
{
    int *taken = arg;
    *taken += is_right(out);
    return 0;
}

static bool decode_each(void)
{
    static const char text[] = "[" DOCUMENT "," DOCUMENT "]";
    struct err err = ERR_INIT;
    struct document d;
    int taken = 0;
    struct arena *arena = arena_new();
    bool ok = arena && json_decode_each(arena, text, sizeof text - 1, fields, &d, sizeof d, take,
                                        &taken, &err) == 0;
    CHECK(ok || !arena || (err.kind == ERR_MEMORY && err.text[0]));
    arena_free(arena);
    CHECK(!ok || taken == 2);
    return ok;
}

static bool decode_pairs(void)
{
    static const struct text_pair pairs[] = {
        {{"text", 4}, {LONG, sizeof LONG - 1}}, {{"count", 5}, {"7", 1}}, {{"what", 4}, {"b", 1}}};
    cleanup_bytes struct bytes unknown = BYTES_INIT(KIB);
    struct err err = ERR_INIT;
    struct document d;
    struct arena *arena = arena_new();
    bool ok = arena && fields_decode_pairs(arena, pairs, COUNT_OF(pairs), fields, &d, sizeof d,
                                           &unknown, &err) == 0;
    CHECK(ok || !arena || (err.kind == ERR_MEMORY && err.text[0]));
    CHECK(!ok || (d.text.n == sizeof LONG - 1 && d.count == 7));
    arena_free(arena);
    return ok && !unknown.failed;
}

static void json_may_fail(void)
{
    each_allocation(decode, false);
    each_allocation(decode_each, false);
    each_allocation(decode_pairs, false);
}

static bool write_json(void)
{
    cleanup_bytes struct bytes out = BYTES_INIT(64 * KIB), text = BYTES_INIT(KIB);
    struct jsonw w = jsonw_on(&out);
    (void)bytes_adds(&text, LONG);
    jsonw_object(&w);
    jsonw_kbytes(&w, "bytes", &text);
    for (int i = 0; i < 50; i++)
        jsonw_kstr(&w, LONG, "\"\\\n\x01\xff" LONG);
    jsonw_object_end(&w);
    return !out.failed && out.data[out.len - 1] == '}';
}

static void jsonw_may_fail(void)
{
    each_allocation(write_json, false);
}

/* ---- map, multipart, routes, manifests, messages ---- */

static bool fill_map(void)
{
    static char keys[300][8];
    struct map map = {.buckets = NULL};
    size_t put = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%zu", i);
        if (map_put(&map, keys[i], keys[i]) == 0)
            put++;
        else
            keys[i][0] = '\0';
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        CHECK(!keys[i][0] || map_remove(&map, keys[i]) == keys[i]);
    CHECK(map.count == 0);
    map_done(&map);
    return put == COUNT_OF(keys);
}

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    return bytes_adds(arg, part->name) < 0 ? err_memory(err) : 0;
}

static int on_data(void *arg, const char *data, size_t n, struct err *err)
{
    return bytes_add(arg, data, n) < 0 ? err_memory(err) : 0;
}

static int on_end(void *arg, struct err *err)
{
    return bytes_addc(arg, ';') < 0 ? err_memory(err) : 0;
}

static bool take_apart(void)
{
    static const char body[] =
        "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n" LONG LONG "\r\n--b--\r\n";
    cleanup_bytes struct bytes out = BYTES_INIT(KIB);
    const struct multipart_events events = {on_begin, on_data, on_end, &out};
    struct multipart mp;
    struct err err = ERR_INIT;
    bool ok = multipart_init(&mp, "multipart/form-data; boundary=b", &err) == 0 &&
              multipart_feed(&mp, body, sizeof body - 1, &events, &err) == 0 &&
              multipart_finish(&mp, &err) == 0;
    CHECK(ok || err.text[0]);
    CHECK(!ok || out.len == 1 + 2 * strlen(LONG) + 1);
    return ok;
}

static bool publish(void)
{
    static const struct openapi_about about = {.title = "t", .version = "1"};
    cleanup_bytes struct bytes out = BYTES_INIT(4 * MIB);
    struct router *router = NULL;
    struct err err = ERR_INIT;
    bool ok = router_open(route_tables, &router, &err) == 0;
    CHECK(ok || err.text[0]);
    if (ok)
        openapi_write(router, &about, &out);
    router_close(router);
    return ok && !out.failed && out.len > 10000;
}

static bool read_manifest(void)
{
    static const char text[] =
        "{\"title\":\"Web\",\"command\":[\"./serve\",\"-v\"],\"environment\":"
        "{\"A\":\"${HOME}/a\"},\"needs\":[\"display\"],\"listen\":{\"tcp\":"
        "9222},\"ready\":{\"probe\":\"http\",\"path\":\"/x\"}}";
    struct manifest m;
    struct err err = ERR_INIT;
    struct arena *arena = arena_new();
    bool ok = arena &&
              manifest_parse(arena, "/services/web", "web", text, sizeof text - 1, &m, &err) == 0;
    CHECK(ok || !arena || (err.kind == ERR_MEMORY && err.text[0]));
    CHECK(!ok || (m.command.n == 2 && m.port == 9222 && m.needs.n == 1));
    arena_free(arena);
    return ok;
}

static bool say_to_a_kernel(void)
{
    struct kernel_outgoing sent = {.header = BYTES_INIT(0)};
    struct kernel_message got;
    struct err err = ERR_INIT;
    bool ok = kernel_message_make("key", "s", "execute_request", (struct text){"{}", 2}, &sent,
                                  &err) == 0;
    CHECK(ok || err.text[0]);
    bool heard = ok && kernel_message_parse("key", sent.parts, KERNEL_PARTS, &got, &err) == 0;
    CHECK(!ok || heard || err.text[0]);
    if (ok)
        kernel_message_done(&sent);
    return heard;
}

static void rooms_may_fail(void)
{
    each_allocation(fill_map, true);
    each_allocation(take_apart, false);
    each_allocation(publish, false);
    each_allocation(read_manifest, false);
    each_allocation(say_to_a_kernel, false);
}

static void *allocate(size_t size)
{
    return malloc(size);
}

int main(void)
{
    /* cJSON asks the linker for no malloc of ours. */
    cJSON_Hooks hooks = {allocate, free};
    cJSON_InitHooks(&hooks);
    RUN(bytes_may_fail);
    RUN(json_may_fail);
    RUN(jsonw_may_fail);
    RUN(rooms_may_fail);
    return CHECK_DONE();
}
