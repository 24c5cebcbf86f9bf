/* Requests on the desktop's control socket. Input: a head, then the payload. */
#include "fuzz.h"

#include "base/utf8.h"
#include "desktop/control_request.h"
#include "desktop/keynames.h"

#define WIDTH  1280
#define HEIGHT 1024

static void check_step(const struct step *step, const char *payload, size_t n)
{
    uint32_t keysym;
    HOLDS(step->text >= payload && step->length <= (size_t)(payload + n - step->text));
    HOLDS(utf8_valid(step->text, step->length));
    switch (step->kind) {
    case DISPLAY_MOVE:
        HOLDS(step->x >= 0 && step->x < WIDTH && step->y >= 0 && step->y < HEIGHT);
        break;
    case DISPLAY_BUTTON:
        HOLDS(step->x >= 1 && step->x <= 7);
        break;
    case DISPLAY_KEY:
        HOLDS(keyname_find(step->text, step->length, &keysym) == 0 && keysym != 0);
        break;
    case DISPLAY_WAIT:
        HOLDS(step->x >= 0 && step->x <= DISPLAY_MAX_WAIT_MS);
        break;
    case DISPLAY_TYPE:
    case DISPLAY_PASTE:
        HOLDS(step->length <= DISPLAY_MAX_TEXT);
        break;
    default:
        HOLDS(!"a kind that is not there");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct display_request head;
    struct err err = ERR_INIT;
    if (size < sizeof head)
        return 0;
    memcpy(&head, data, sizeof head);
    if (request_check_head(&head, &err) < 0) {
        HOLDS(err.kind == ERR_SYNTAX && err.text[0]);
        return 0;
    }
    /* A payload of its own, so that a step beyond its end is noticed. */
    size_t n = size - sizeof head;
    char *payload = malloc(n ? n : 1);
    HOLDS(payload);
    memcpy(payload, data + sizeof head, n);
    head.length = (uint32_t)n;
    if (request_check(&head, payload, WIDTH, HEIGHT, &err) < 0) {
        HOLDS(err.kind == ERR_INVALID && err.text[0]);
    } else if (head.op == DISPLAY_INPUT) {
        struct step step;
        size_t offset = 0;
        int count = 0;
        while (request_step(payload, n, &offset, &step)) {
            check_step(&step, payload, n);
            HOLDS(++count <= DISPLAY_MAX_EVENTS);
        }
        HOLDS(offset == n);
    }
    free(payload);
    return 0;
}
