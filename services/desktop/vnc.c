#include "desktop/vnc.h"

#include <errno.h>
#include <pthread.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "desktop/rfb.h"

#define STALL_MS    20000 /* a viewer that takes nothing for so long is dropped */
#define MAX_RECTS   50    /* in one update */
#define READ_SIZE   16384
#define MAX_REPLIES ((size_t)RFB_MAX_TEXT * 3)

struct vnc {
    struct vnc_events events;
    rfbScreenInfoPtr screen;
    rfbClientPtr client;
    rfbCursorPtr shape;
    struct bytes input;
    struct text *clipboard;
    struct clip_message peer; /* what its clipboard can do */
    bool extended_clipboard;
};

/* What every screen begins as. */
static rfbScreenInfoPtr pattern;

/* Whose client is being made, on this thread. */
static _Thread_local rfbScreenInfoPtr opening;

static void say_nothing(const char *format, ...)
{
    (void)format;
}

/* The library frees most of a client, but not what it keeps for a WebSocket. */
static void free_websocket(rfbClientPtr client)
{
    free(client->wsctx);
    client->wsctx = NULL;
}

/* A viewer that leaves just after the WebSocket's handshake: nothing else tells of it. */
static void on_error(const char *format, ...)
{
    (void)format;
    if (opening && opening->clientHead)
        free_websocket(opening->clientHead);
}

int vnc_init(struct err *err)
{
    int argc = 1;
    char *argv[] = {"sandgate-desktop", NULL};
    rfbLog = say_nothing;
    rfbErr = on_error;
    pattern = rfbGetScreen(&argc, argv, 4, 4, 8, 3, 4);
    if (!pattern)
        return err_memory(err);
    pattern->desktopName = "Sandgate";
    pattern->port = pattern->ipv6port = 0;
    pattern->httpDir = NULL;
    pattern->permitFileTransfer = FALSE;
    pattern->alwaysShared = TRUE;
    pattern->deferUpdateTime = 0;
    pattern->deferPtrUpdateTime = 0;
    pattern->maxClientWait = STALL_MS;
    pattern->maxRectsPerUpdate = MAX_RECTS;
    pattern->cursor = NULL;
    pattern->depth = 24;
    pattern->serverFormat.depth = 24;
    pattern->serverFormat.redShift = 16;
    pattern->serverFormat.greenShift = 8;
    pattern->serverFormat.blueShift = 0;
    return 0;
}

static enum rfbNewClientAction on_new(rfbClientPtr client)
{
    client->clientGoneHook = free_websocket;
    return RFB_CLIENT_ACCEPT;
}

/* Before each update. The library paints the pointer for viewers that do not do it themselves, and
 * it would do so into the X server's own pixels: for those there is no pointer. */
static void before_update(rfbClientPtr client)
{
    struct vnc *vnc = client->screen->screenData;
    client->screen->cursor = client->enableCursorShapeUpdates ? vnc->shape : NULL;
}

/* A copy of the pattern, for the library's own constructor is not made for several threads. */
static rfbScreenInfoPtr screen_new(const struct screen *pixels, struct vnc *vnc)
{
    rfbScreenInfoPtr screen = malloc(sizeof *screen);
    if (!screen)
        return NULL;
    memcpy(screen, pattern, sizeof *screen);
    (void)pthread_mutex_init(&screen->cursorMutex, NULL);
    screen->width = pixels->width;
    screen->height = pixels->height;
    screen->paddedWidthInBytes = (int)pixels->stride;
    screen->sizeInBytes = (int)pixels->stride * pixels->height;
    screen->frameBuffer = (char *)pixels->pixels;
    screen->screenData = vnc;
    screen->newClientHook = on_new;
    screen->displayHook = before_update;
    return screen;
}

static void drop(struct vnc *vnc)
{
    if (vnc->client->sock != RFB_INVALID_SOCKET)
        rfbCloseClient(vnc->client);
}

int vnc_open(int fd, const struct screen *screen, const struct vnc_events *events,
             struct vnc **ret_vnc, struct err *err)
{
    struct vnc *vnc = calloc(1, sizeof *vnc);
    if (vnc)
        vnc->screen = screen_new(screen, vnc);
    if (!vnc || !vnc->screen) {
        free(vnc);
        (void)close(fd);
        return err_memory(err);
    }
    vnc->events = *events;
    vnc->input = bytes_with_limit(RFB_MAX_MESSAGE + READ_SIZE);
    opening = vnc->screen;
    vnc->client = rfbNewClient(vnc->screen, fd);
    opening = NULL;
    if (!vnc->client) {
        vnc_close(vnc);
        return err_set(err, ERR_SYNTAX, "the viewer speaks neither RFB nor WebSocket");
    }
    *ret_vnc = vnc;
    return 0;
}

void vnc_close(struct vnc *vnc)
{
    vnc->screen->cursor = NULL;
    /* The library forgets those that are closed already. */
    if (vnc->client) {
        drop(vnc);
        rfbClientConnectionGone(vnc->client);
    }
    rfbScreenCleanup(vnc->screen);
    rfbFreeCursor(vnc->shape);
    text_unref(vnc->clipboard);
    bytes_done(&vnc->input);
    free(vnc);
}

int vnc_fd(const struct vnc *vnc)
{
    return vnc->client->sock;
}

bool vnc_is_ready(const struct vnc *vnc)
{
    return vnc->client->state == RFB_NORMAL;
}

static void write_out(struct vnc *vnc, const struct bytes *out)
{
    if (out->failed || vnc->client->sock == RFB_INVALID_SOCKET ||
        rfbWriteExact(vnc->client, out->data, (int)out->len) <= 0)
        drop(vnc);
}

/* ---- the clipboard ---- */

static void offer_clipboard(struct vnc *vnc)
{
    struct bytes out = BYTES_INIT(MAX_REPLIES);
    struct err err;
    struct text *text = vnc->clipboard;
    if (!text || !vnc_is_ready(vnc))
        return;
    if (!vnc->extended_clipboard)
        clip_write_latin1(&out, text->data, text->n);
    else if ((vnc->peer.actions & CLIP_PROVIDE) && text->n < vnc->peer.limit)
        out.failed = clip_write_text(&out, text->data, text->n, &err) < 0;
    else if (vnc->peer.actions & CLIP_NOTIFY)
        clip_write(&out, CLIP_NOTIFY | CLIP_TEXT);
    if (out.len || out.failed)
        write_out(vnc, &out);
    bytes_done(&out);
}

void vnc_set_clipboard(struct vnc *vnc, struct text *text)
{
    /* It may be the viewer's own, come round. */
    bool news = text != vnc->clipboard;
    text_unref(vnc->clipboard);
    vnc->clipboard = text;
    if (news)
        offer_clipboard(vnc);
}

static int take_text(struct vnc *vnc, const struct rfb_message *message, struct err *err)
{
    struct bytes out = BYTES_INIT(RFB_MAX_TEXT);
    int result =
        message->extended ? clip_text(message, &out, err) : clip_latin1(message, &out, err);
    struct text *text = result < 0 ? NULL : text_new(out.data, out.len);
    bytes_done(&out);
    if (text) {
        text_unref(vnc->clipboard);
        vnc->clipboard = text_ref(text);
        vnc->events.clipboard(vnc->events.arg, text);
    }
    return result;
}

static int on_clipboard(struct vnc *vnc, const struct rfb_message *message, struct err *err)
{
    struct clip_message clip;
    struct bytes out = BYTES_INIT(MAX_REPLIES);
    int result = 0;
    if (clip_parse(message, &clip, err) < 0)
        return -1;
    if (clip.actions & CLIP_CAPS) {
        vnc->peer = clip;
        offer_clipboard(vnc);
    } else if ((clip.actions & CLIP_REQUEST) && clip.text && vnc->clipboard)
        result = clip_write_text(&out, vnc->clipboard->data, vnc->clipboard->n, err);
    else if (clip.actions & CLIP_PEEK)
        clip_write(&out, CLIP_NOTIFY | (vnc->clipboard ? CLIP_TEXT : 0));
    else if ((clip.actions & CLIP_NOTIFY) && clip.text)
        clip_write(&out, CLIP_REQUEST | CLIP_TEXT);
    else if ((clip.actions & CLIP_PROVIDE) && clip.text)
        result = take_text(vnc, message, err);
    if (result == 0 && out.len)
        write_out(vnc, &out);
    bytes_done(&out);
    return result;
}

/* ---- messages ---- */

static void on_format(struct vnc *vnc, const struct rfb_format *format)
{
    rfbPixelFormat *to = &vnc->client->format;
    to->bitsPerPixel = (uint8_t)format->bits;
    to->depth = (uint8_t)format->depth;
    to->bigEndian = format->big_endian;
    to->trueColour = 1;
    to->redMax = (uint16_t)format->max[0];
    to->greenMax = (uint16_t)format->max[1];
    to->blueMax = (uint16_t)format->max[2];
    to->redShift = (uint8_t)format->shift[0];
    to->greenShift = (uint8_t)format->shift[1];
    to->blueShift = (uint8_t)format->shift[2];
    vnc->client->readyForSetColourMapEntries = TRUE;
    (void)rfbSetTranslateFunction(vnc->client);
}

static void set_quality(rfbClientPtr client, int level)
{
    /* What TigerVNC and TurboVNC make of the ten levels of Tight. */
    static const int quality[] = {15, 29, 41, 42, 62, 77, 79, 86, 92, 100};
    static const int subsampling[] = {1, 1, 1, 2, 2, 2, 0, 0, 0, 0};
    client->tightQualityLevel = level;
    client->turboQualityLevel = quality[level];
    client->turboSubsampLevel = subsampling[level];
}

static void set_encoding(struct vnc *vnc, int32_t encoding)
{
    rfbClientPtr client = vnc->client;
    switch ((uint32_t)encoding) {
    case rfbEncodingRaw:
    case rfbEncodingHextile:
    case rfbEncodingZlib:
    case rfbEncodingZRLE:
    case rfbEncodingTight:
        /* The viewer's first is the one it likes best. */
        if (client->preferredEncoding == -1)
            client->preferredEncoding = encoding;
        break;
    case rfbEncodingRichCursor:
        client->enableCursorShapeUpdates = TRUE;
        client->useRichCursorEncoding = TRUE;
        client->cursorWasChanged = TRUE;
        break;
    case rfbEncodingLastRect:
        client->enableLastRectEncoding = TRUE;
        break;
    case rfbEncodingNewFBSize:
        client->useNewFBSize = TRUE;
        break;
    case rfbEncodingExtDesktopSize:
        client->useExtDesktopSize = TRUE;
        client->useNewFBSize = TRUE;
        break;
    case rfbEncodingExtendedClipboard:
        vnc->extended_clipboard = true;
        break;
    default:
        if ((uint32_t)encoding >= rfbEncodingCompressLevel0 &&
            (uint32_t)encoding <= rfbEncodingCompressLevel9) {
            client->tightCompressLevel = encoding & 0x0F;
            client->zlibCompressLevel = (uint32_t)encoding & 0x0F;
        } else if ((uint32_t)encoding >= rfbEncodingQualityLevel0 &&
                   (uint32_t)encoding <= rfbEncodingQualityLevel9) {
            set_quality(client, encoding & 0x0F);
        }
        break;
    }
}

static void on_encodings(struct vnc *vnc, const struct rfb_message *message)
{
    rfbClientPtr client = vnc->client;
    bool had_clipboard = vnc->extended_clipboard;
    client->preferredEncoding = -1;
    client->useNewFBSize = FALSE;
    client->useExtDesktopSize = FALSE;
    client->cursorWasChanged = FALSE;
    client->useRichCursorEncoding = FALSE;
    client->enableCursorShapeUpdates = FALSE;
    client->enableLastRectEncoding = FALSE;
    client->tightQualityLevel = -1;
    client->turboQualityLevel = -1;
    client->turboSubsampLevel = TURBO_DEFAULT_SUBSAMP;
    client->tightCompressLevel = TIGHT_DEFAULT_COMPRESSION;
    vnc->extended_clipboard = false;
    for (size_t i = 0; i < message->count; i++)
        set_encoding(vnc, rfb_encoding(message, i));
    if (client->preferredEncoding == -1)
        client->preferredEncoding = rfbEncodingRaw;
    if (vnc->extended_clipboard && !had_clipboard) {
        struct bytes out = BYTES_INIT(64);
        clip_write_caps(&out);
        write_out(vnc, &out);
        bytes_done(&out);
    }
}

static void on_update_request(struct vnc *vnc, const struct rfb_message *message)
{
    rfbClientPtr client = vnc->client;
    int x2 = message->x + message->width, y2 = message->y + message->height;
    if (x2 > vnc->screen->width)
        x2 = vnc->screen->width;
    if (y2 > vnc->screen->height)
        y2 = vnc->screen->height;
    client->readyForSetColourMapEntries = TRUE;
    if (message->x >= x2 || message->y >= y2)
        return;
    sraRegionPtr asked = sraRgnCreateRect(message->x, message->y, x2, y2);
    (void)sraRgnOr(client->requestedRegion, asked);
    if (!message->incremental) {
        (void)sraRgnOr(client->modifiedRegion, asked);
        /* Whoever wants everything anew is told the size again. */
        if (client->useExtDesktopSize)
            client->newFBSizePending = TRUE;
    }
    sraRgnDestroy(asked);
}

static void on_desktop_size(struct vnc *vnc, const struct rfb_message *message)
{
    rfbClientPtr client = vnc->client;
    bool same = message->width == vnc->screen->width && message->height == vnc->screen->height;
    bool done = same || vnc->events.resize(vnc->events.arg, message->width, message->height);
    client->requestedDesktopSizeChange = rfbExtDesktopSize_ClientRequestedChange;
    client->lastDesktopSizeChangeError =
        done ? rfbExtDesktopSize_Success : rfbExtDesktopSize_InvalidScreenLayout;
    /* Otherwise the answer goes with the new size. */
    if (same || !done)
        client->newFBSizePending = TRUE;
}

static int on_message(struct vnc *vnc, const struct rfb_message *message, struct err *err)
{
    switch (message->kind) {
    case RFB_PIXEL_FORMAT:
        on_format(vnc, &message->format);
        break;
    case RFB_ENCODINGS:
        on_encodings(vnc, message);
        break;
    case RFB_UPDATE_REQUEST:
        on_update_request(vnc, message);
        break;
    case RFB_KEY:
        vnc->events.key(vnc->events.arg, message->keysym, message->down);
        break;
    case RFB_POINTER:
        vnc->events.pointer(vnc->events.arg, message->buttons, message->x, message->y);
        break;
    case RFB_CUT_TEXT:
        return message->extended ? on_clipboard(vnc, message, err) : take_text(vnc, message, err);
    case RFB_DESKTOP_SIZE:
        on_desktop_size(vnc, message);
        break;
    }
    return 0;
}

/* Handles the messages that are whole, and makes room for the one that is not. */
static void process_input(struct vnc *vnc)
{
    struct err ignored = ERR_INIT;
    size_t done = 0, n = 1;
    int whole = 1;
    while (whole > 0 && vnc->client->sock != RFB_INVALID_SOCKET) {
        struct rfb_message message;
        whole = rfb_parse((const uint8_t *)vnc->input.data + done, vnc->input.len - done, &message,
                          &n, &ignored);
        if (whole > 0) {
            whole = on_message(vnc, &message, &ignored) < 0 ? -1 : 1;
            done += n;
        }
    }
    bytes_consume(&vnc->input, done);
    if (whole < 0)
        drop(vnc);
    /* A big message was taken: its memory goes back. */
    if (vnc->input.len == 0 && vnc->input.cap > 4 * (size_t)READ_SIZE)
        bytes_done(&vnc->input);
}

static ssize_t read_some(struct vnc *vnc)
{
    if (bytes_reserve(&vnc->input, READ_SIZE) < 0)
        return 0;
    char *to = vnc->input.data + vnc->input.len;
    if (vnc->client->wsctx)
        return webSocketsDecode(vnc->client, to, READ_SIZE);
    return read(vnc->client->sock, to, READ_SIZE);
}

void vnc_read(struct vnc *vnc)
{
    do {
        if (!vnc_is_ready(vnc)) {
            rfbProcessClientMessage(vnc->client);
            continue;
        }
        ssize_t n = read_some(vnc);
        if (n > 0) {
            vnc->input.len += (size_t)n;
            process_input(vnc);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            drop(vnc);
        }
    } while (vnc->client->sock != RFB_INVALID_SOCKET && webSocketsHasDataInBuffer(vnc->client));
}

/* ---- what is sent ---- */

void vnc_damage(struct vnc *vnc, const struct rect *rects, int count)
{
    for (int i = 0; i < count; i++) {
        int x2 = rects[i].x + rects[i].width, y2 = rects[i].y + rects[i].height;
        if (x2 > vnc->screen->width)
            x2 = vnc->screen->width;
        if (y2 > vnc->screen->height)
            y2 = vnc->screen->height;
        if (rects[i].x < x2 && rects[i].y < y2)
            rfbMarkRectAsModified(vnc->screen, rects[i].x, rects[i].y, x2, y2);
    }
}

void vnc_resize(struct vnc *vnc, int width, int height)
{
    rfbClientPtr client = vnc->client;
    if (width == vnc->screen->width && height == vnc->screen->height)
        return;
    vnc->screen->width = width;
    vnc->screen->height = height;
    vnc->screen->sizeInBytes = vnc->screen->paddedWidthInBytes * height;
    sraRgnDestroy(client->modifiedRegion);
    client->modifiedRegion = sraRgnCreateRect(0, 0, width, height);
    /* Who has not said yet whether it can follow is told when it says so. */
    client->newFBSizePending = TRUE;
}

/* A viewer shows a pixel or does not: half transparent ones are decided by half. */
static rfbCursorPtr make_cursor(const struct shape *shape)
{
    size_t row = ((size_t)shape->width + 7) / 8;
    size_t count = (size_t)shape->width * (size_t)shape->height;
    rfbCursorPtr cursor = calloc(1, sizeof *cursor);
    unsigned char *mask = calloc(row, (size_t)shape->height);
    uint32_t *colours = calloc(count, sizeof *colours);
    if (!cursor || !mask || !colours) {
        free(cursor);
        free(mask);
        free(colours);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t pixel = shape->pixels[i], alpha = pixel >> 24;
        size_t x = i % (size_t)shape->width, y = i / (size_t)shape->width;
        if (alpha < 128)
            continue;
        mask[y * row + x / 8] |= (unsigned char)(0x80 >> (x % 8));
        for (int shift = 0; shift < 24; shift += 8) {
            uint32_t colour = (pixel >> shift & 0xFF) * 255 / alpha;
            colours[i] |= (colour > 255 ? 255 : colour) << shift;
        }
    }
    cursor->cleanup = cursor->cleanupMask = cursor->cleanupRichSource = TRUE;
    cursor->mask = mask;
    cursor->richSource = (unsigned char *)colours;
    cursor->width = (unsigned short)shape->width;
    cursor->height = (unsigned short)shape->height;
    cursor->xhot = (unsigned short)shape->hot_x;
    cursor->yhot = (unsigned short)shape->hot_y;
    return cursor;
}

void vnc_set_shape(struct vnc *vnc, struct shape *shape)
{
    vnc->screen->cursor = NULL;
    rfbFreeCursor(vnc->shape);
    vnc->shape = shape ? make_cursor(shape) : NULL;
    shape_unref(shape);
    vnc->client->cursorWasChanged = vnc->client->enableCursorShapeUpdates;
}

void vnc_send(struct vnc *vnc)
{
    rfbClientPtr client = vnc->client;
    if (client->sock == RFB_INVALID_SOCKET || !vnc_is_ready(vnc))
        return;
    /* A new size goes in an update of its own; the pixels asked for follow. */
    bool size_first = client->useNewFBSize && client->newFBSizePending;
    (void)rfbUpdateClient(client);
    if (size_first && client->sock != RFB_INVALID_SOCKET)
        (void)rfbUpdateClient(client);
}

bool vnc_wants_damage(const struct vnc *vnc)
{
    return vnc->client->sock != RFB_INVALID_SOCKET && !sraRgnEmpty(vnc->client->requestedRegion);
}
