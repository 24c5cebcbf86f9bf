#include "desktop/control_request.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "desktop/keynames.h"

#define MAX_BUTTON 7

int request_check_head(const struct display_request *head, struct err *err)
{
    if (head->magic != DISPLAY_MAGIC)
        return err_set(err, ERR_SYNTAX, "this is not the desktop's protocol");
    if (head->length > DISPLAY_MAX_REQUEST)
        return err_set(err, ERR_SYNTAX, "a request of %u bytes is more than the %u allowed",
                       head->length, DISPLAY_MAX_REQUEST);
    return 0;
}

int request_step(const char *payload, size_t n, size_t *offset, struct step *ret_step)
{
    struct display_event event;
    if (n - *offset < sizeof event)
        return 0;
    memcpy(&event, payload + *offset, sizeof event);
    if (event.length > n - *offset - sizeof event)
        return 0;
    *ret_step = (struct step){.kind = (enum display_event_kind)event.kind,
                              .x = event.x,
                              .y = event.y,
                              .text = payload + *offset + sizeof event,
                              .length = event.length};
    *offset += sizeof event + event.length;
    return 1;
}

static int check_text(const struct step *step, struct err *err)
{
    if (step->length > DISPLAY_MAX_TEXT)
        return err_set(err, ERR_INVALID, "a text may have %u bytes", DISPLAY_MAX_TEXT);
    if (!utf8_valid(step->text, step->length) || memchr(step->text, 0, step->length))
        return err_set(err, ERR_INVALID, "the text is not valid UTF-8 without NUL");
    return 0;
}

static int check_key(const struct step *step, struct err *err)
{
    uint32_t keysym;
    if (check_text(step, err) < 0)
        return -1;
    if (keyname_find(step->text, step->length, &keysym) < 0)
        return err_set(err, ERR_INVALID, "there is no key \"%.*s\"",
                       (int)(step->length < 40 ? step->length : 40), step->text);
    return 0;
}

static int check_step(const struct step *step, int width, int height, struct err *err)
{
    switch (step->kind) {
    case DISPLAY_MOVE:
        if (step->x < 0 || step->y < 0 || step->x >= width || step->y >= height)
            return err_set(err, ERR_INVALID, "(%d, %d) is off the screen of %d by %d pixels",
                           step->x, step->y, width, height);
        break;
    case DISPLAY_BUTTON:
        if (step->x < 1 || step->x > MAX_BUTTON)
            return err_set(err, ERR_INVALID, "there is no pointer button %d", step->x);
        break;
    case DISPLAY_KEY:
        return check_key(step, err);
    case DISPLAY_TYPE:
    case DISPLAY_PASTE:
        return check_text(step, err);
    case DISPLAY_WAIT:
        if (step->x < 0 || step->x > DISPLAY_MAX_WAIT_MS)
            return err_set(err, ERR_INVALID, "a wait may take 0 to %d ms, not %d",
                           DISPLAY_MAX_WAIT_MS, step->x);
        break;
    default:
        return err_set(err, ERR_INVALID, "there is no input event of kind %d", (int)step->kind);
    }
    if (step->length)
        return err_set(err, ERR_INVALID, "an input event of kind %d takes no text",
                       (int)step->kind);
    return 0;
}

static int check_list(const char *payload, size_t n, int width, int height, struct err *err)
{
    struct step step;
    size_t offset = 0;
    int count = 0;
    while (request_step(payload, n, &offset, &step)) {
        if (++count > DISPLAY_MAX_EVENTS)
            return err_set(err, ERR_INVALID, "more than %d input events at once",
                           DISPLAY_MAX_EVENTS);
        if (check_step(&step, width, height, err) < 0)
            return -1;
    }
    if (offset != n)
        return err_set(err, ERR_INVALID, "the list of input events is cut off");
    return 0;
}

static int check_screenshot(const struct display_request *head, struct err *err)
{
    if (head->a != DISPLAY_PNG && head->a != DISPLAY_JPEG)
        return err_set(err, ERR_INVALID, "there is no picture format %d", head->a);
    if (head->b < 0 || head->b > 100)
        return err_set(err, ERR_INVALID, "the JPEG quality goes from 0 to 100, not %d", head->b);
    return 0;
}

static int check_size(const struct display_request *head, struct err *err)
{
    if (head->a < DISPLAY_MIN_WIDTH || head->a > DISPLAY_MAX_WIDTH ||
        head->b < DISPLAY_MIN_HEIGHT || head->b > DISPLAY_MAX_HEIGHT)
        return err_set(err, ERR_INVALID, "the screen can have %dx%d to %dx%d pixels, not %dx%d",
                       DISPLAY_MIN_WIDTH, DISPLAY_MIN_HEIGHT, DISPLAY_MAX_WIDTH, DISPLAY_MAX_HEIGHT,
                       head->a, head->b);
    return 0;
}

int request_check(const struct display_request *head, const char *payload, int width, int height,
                  struct err *err)
{
    struct step text = {.text = payload, .length = head->length};
    bool takes_payload = head->op == DISPLAY_INPUT || head->op == DISPLAY_CLIPBOARD_SET;
    if (!takes_payload && head->length)
        return err_set(err, ERR_INVALID, "operation %u takes no payload", head->op);
    switch (head->op) {
    case DISPLAY_STATUS:
    case DISPLAY_CLIPBOARD_GET:
        return 0;
    case DISPLAY_SCREENSHOT:
        return check_screenshot(head, err);
    case DISPLAY_INPUT:
        return check_list(payload, head->length, width, height, err);
    case DISPLAY_CLIPBOARD_SET:
        return check_text(&text, err);
    case DISPLAY_RESIZE:
        return check_size(head, err);
    default:
        return err_set(err, ERR_INVALID, "there is no operation %u", head->op);
    }
}
