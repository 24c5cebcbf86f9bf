/* base/log.h: one line per event on stderr, `TIME LEVEL what key=value …`.
 *
 * Secrets never get here: callers log paths without their query. Thread-safe: each line is one
 * write(2). The level is the only global of the program. */
#ifndef SANDGATE_BASE_LOG_H
#define SANDGATE_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
int log_enabled(enum log_level level);
/* -1 for a name that is not error, warn, info or debug. */
int log_level_parse(const char *name);

/* Control characters in the text are replaced, so that a peer cannot forge a line. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_enabled(LOG_DEBUG))                                                                \
            log_line(LOG_DEBUG, __VA_ARGS__);                                                      \
    } while (0)

#endif
