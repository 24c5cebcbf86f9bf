/* core/recorder.h: the screen recorded to an MP4 file by ffmpeg(1), one recording at a time.
 *
 * The file is written in fragments (ISO/IEC 14496-12 section 8.8), so that whatever ends the
 * recording, all but its last second can be played. Loop thread only. */
#ifndef SANDGATE_CORE_RECORDER_H
#define SANDGATE_CORE_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/observers.h"
#include "core/config.h"
#include "core/toolbox.h"
#include "io/loop.h"
#include "io/spawn.h"

enum recorder_state { RECORDER_IDLE, RECORDER_RUNNING, RECORDER_STOPPED };
extern const char *const recorder_state_names[];

struct recording_spec {
    const char *path;   /* absolute; NULL: a new file in /tmp/recordings */
    int fps, crf;       /* frames a second; x264's constant rate factor */
    double max_seconds; /* it ends by itself after these */
    int width, height;  /* of the video; 0: the screen's, or in proportion to the other */
};

/* Of the recording that runs, or else of the last one. */
struct recording_info {
    enum recorder_state state;
    const char *path;   /* NULL while idle; the recorder's, until the next start */
    const char *reason; /* why it ended, when that was not asked for; else NULL */
    double seconds;
    int64_t bytes; /* of the file; -1: there is none */
};

struct recorder;
int recorder_open(struct loop *loop, struct children *children, const struct config *config,
                  const struct toolbox *toolbox, struct recorder **ret_recorder,
                  struct err *err) MUST_CHECK;
/* Its process must have ended. NULL is fine. */
void recorder_close(struct recorder *recorder);

/* Fails with ERR_CONFLICT while one runs, and with ERR_INVALID naming save_path for a file that
 * cannot be written. Folders on the way are made. */
int recorder_start(struct recorder *recorder, const struct recording_spec *spec,
                   struct err *err) MUST_CHECK;
/* Have it finish its file; observers hear when that is done, a few seconds later at most. */
void recorder_stop(struct recorder *recorder);
void recorder_describe(const struct recorder *recorder, struct recording_info *ret_info);
/* Told when a recording has ended. */
struct observers *recorder_observers(struct recorder *recorder);

#endif
