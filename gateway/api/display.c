/* /v1/display: the screen as a whole. */
#include "api/app.h"
#include "api/desktop.h"
#include "api/wait.h"
#include "core/recorder.h"
#include "core/supervisor.h"
#include "http/envelope.h"

#define MAX_SECONDS (24 * 3600)
#define MAX_SIDE    7680
#define STOP_MS     8000
#define START_MS    45000

struct record_input {
    int action;
    struct text save_path;
    int64_t fps, crf, width, height;
    double max_duration;
};
enum { RECORD_START, RECORD_STOP, RECORD_STATUS };
static const char *const record_actions[] = {"start", "stop", "status", NULL};

static const struct field record_fields[] = {
    {"action", FIELD_CHOICE, offsetof(struct record_input, action), .required = true,
     .choices = record_actions, .doc = "start, stop (waits for the file), or status"},
    {"save_path", FIELD_PATH, offsetof(struct record_input, save_path),
     .doc = "the MP4 file; default: /tmp/recordings/recording_TIME.mp4"},
    {"fps", FIELD_INT, offsetof(struct record_input, fps), .min = 1, .max = 30, .fallback = "5",
     .doc = "frames a second"},
    {"crf", FIELD_INT, offsetof(struct record_input, crf), .min = 0, .max = 51, .fallback = "28",
     .doc = "quality: 0 lossless, 51 worst"},
    {"max_duration", FIELD_NUMBER, offsetof(struct record_input, max_duration), .fallback = "600",
     .doc = "seconds after which it ends by itself"},
    {"width", FIELD_INT, offsetof(struct record_input, width), .min = 2, .max = MAX_SIDE,
     .doc = "of the video, pixels; default: the screen's"},
    {"height", FIELD_INT, offsetof(struct record_input, height), .min = 2, .max = MAX_SIDE,
     .doc = "of the video, pixels; default: the screen's, or in proportion to the width"},
    FIELDS_END,
};

static void reply_recording(struct exchange *ex, const char *message)
{
    struct recording_info info;
    recorder_describe(app_of(ex)->recorder, &info);
    if (info.reason)
        reply_hint(ex, info.reason);
    struct jsonw *w = reply_begin(ex, message);
    jsonw_object(w);
    jsonw_kstr(w, "status", recorder_state_names[info.state]);
    jsonw_kstr(w, "save_path", info.path);
    jsonw_knumber(w, "duration", info.seconds);
    if (info.bytes >= 0)
        jsonw_kint(w, "file_size_bytes", info.bytes);
    else
        jsonw_knull(w, "file_size_bytes");
    jsonw_object_end(w);
    reply_end(ex);
}

static int begin_recording(struct exchange *ex, struct err *err)
{
    const struct record_input *in = exchange_input(ex);
    struct recording_spec spec = {
        .path = in->save_path.p,
        .fps = (int)in->fps,
        .crf = (int)in->crf,
        .max_seconds = in->max_duration,
        .width = in->width == INT_ABSENT ? 0 : (int)in->width,
        .height = in->height == INT_ABSENT ? 0 : (int)in->height,
    };
    if (recorder_start(app_of(ex)->recorder, &spec, err) < 0)
        return -1;
    reply_recording(ex, "Recording started");
    return 0;
}

static bool settled(struct wait *w)
{
    enum service_state state = service_state(w->subject);
    return state != SERVICE_STARTING && state != SERVICE_STOPPING;
}

static void on_desktop(struct wait *w)
{
    struct err err = ERR_INIT;
    struct service_info service;
    service_describe(w->subject, &service);
    if (service.state != SERVICE_READY)
        (void)err_set(&err, ERR_UNAVAILABLE, "the desktop is %s: %.300s",
                      service_state_names[service.state], service.reason);
    if (err.kind || begin_recording(w->ex, &err) < 0)
        reply_error(w->ex, &err);
}

/* Only a start has the desktop started: asking how things are does not. */
static int start(struct exchange *ex, struct err *err)
{
    const struct record_input *in = exchange_input(ex);
    struct service *desktop = supervisor_find(app_of(ex)->supervisor, DESKTOP_SERVICE);
    struct wait *wait = arena_alloc(exchange_arena(ex), sizeof *wait);
    if (!wait)
        return err_memory(err);
    if (!(in->max_duration > 0) || in->max_duration > MAX_SECONDS)
        return err_field(err, "max_duration",
                         "field 'max_duration' must be above 0 and at most %d seconds",
                         MAX_SECONDS);
    if (!desktop)
        return err_set(err, ERR_UNAVAILABLE, "there is no desktop: it is not among --services");
    *wait = (struct wait){.ex = ex, .subject = desktop, .enough = settled, .reply = on_desktop};
    service_start(desktop);
    return wait_start(wait, service_observers(desktop), START_MS, err);
}

static bool ended(struct wait *w)
{
    struct recording_info info;
    recorder_describe(w->subject, &info);
    return info.state != RECORDER_RUNNING;
}

static void reply_stopped(struct wait *w)
{
    struct recording_info info;
    recorder_describe(w->subject, &info);
    reply_recording(w->ex,
                    info.state == RECORDER_IDLE ? "Nothing was recorded yet" : "Recording stopped");
}

static int stop(struct exchange *ex, struct err *err)
{
    struct recorder *recorder = app_of(ex)->recorder;
    struct wait *wait = arena_alloc(exchange_arena(ex), sizeof *wait);
    if (!wait)
        return err_memory(err);
    *wait = (struct wait){.ex = ex, .subject = recorder, .enough = ended, .reply = reply_stopped};
    recorder_stop(recorder);
    return wait_start(wait, recorder_observers(recorder), STOP_MS, err);
}

static int record(struct exchange *ex, struct err *err)
{
    const struct record_input *in = exchange_input(ex);
    if (in->action == RECORD_START)
        return start(ex, err);
    if (in->action == RECORD_STOP)
        return stop(ex, err);
    exchange_audit_as(ex, NULL);
    reply_recording(ex, "Recording status");
    return 0;
}

const struct route display_routes[] = {
    {"POST", "/v1/display/record", SCOPE_DESKTOP, ROUTE_INLINE, record,
     INPUT(record_fields, struct record_input), .body = BODY_JSON, .body_limit = 64 * KIB,
     .audit = {.action = "display.record", .subject = "action"}, .tag = "display",
     .summary = "Record the screen to an MP4 file: start, stop, status."},
    ROUTES_END,
};
