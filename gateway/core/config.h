/* core/config.h: command line and environment into one checked, immutable struct.
 *
 * Every setting is a row: its flag, its environment variable (the incumbent's name where it has
 * one), its default and one line of documentation; --help is printed from the rows. The command
 * line wins over the environment. A bad setting is one clear error. */
#ifndef SANDGATE_CORE_CONFIG_H
#define SANDGATE_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "core/proxy_pac.h"

struct config {
    const char *listen; /* as given */
    char listen_host[64];
    uint16_t listen_port; /* 0: any free one */
    const char *home, *workspace, *state, *web, *services;
    const char *services_dir; /* a folder per service */
    const char *display_setting;
    int display; /* number of the X display the sandbox has; claimed by config_prepare() */
    const char *allowed_hosts, *api_key, *timezone, *log_level;
    const char *wait_ports; /* "3000,8000": ready only when something listens on each */
    int64_t stall_seconds, min_rate;
    const char *memory_max_text, *pids_max_text;
    uint64_t memory_max, pids_max; /* of all children together; 0: none */
    int64_t max_connections, max_shell_sessions, max_bash_sessions, max_commands;
    int64_t max_jupyter_sessions, jupyter_idle_seconds, nodejs_idle_seconds;
    int64_t session_idle_seconds, history_days, history_entries, max_output_bytes;
    struct proxy_settings proxy; /* which the browser uses */
    bool check_only, help, version;
};

/* `arena` owns all text. */
int config_load(struct arena *arena, int argc, char **argv, char **environment,
                struct config *ret_config, struct err *err) MUST_CHECK;
/* Makes home, workspace and state where missing, and resolves `web`. */
int config_prepare(struct arena *arena, struct config *config, struct err *err) MUST_CHECK;
/* The next port of a list such as wait_ports; *list moves behind it. 0: no more, -1: that is none.
 */
int config_next_port(const char **list);
void config_print_help(void);
/* The settings in force, secrets masked; for --check-config. */
void config_print(const struct config *config);

#endif
