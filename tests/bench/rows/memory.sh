# shellcheck shell=bash
# idle, sessions, connections: the resident memory of the gateway process alone; its shells are their own processes.

# megabytes KIB: decimal ones, the stricter reading of the limits.
megabytes() {
    round 1 "$(calc "$1 * 1024 / 1e6")"
}

row_idle() {
    local used
    start_gateway
    curl -fsS -o /dev/null "http://127.0.0.1:$PORT/healthz"
    used=$(usage_of "$PID")
    record 'resident memory, idle' '≤ 12 MB' "$(megabytes "$(field 3 "$used")") MB" '' '' \
        "$(at_most "$(calc "$(field 3 "$used") * 1024 / 1e6")" 12)"
    note "idle: proportional set (shared libraries divided among their users) $(megabytes "$(field 4 "$used")") MB."
}

row_sessions() {
    local used i count=200
    start_gateway
    for ((i = 0; i < count; i++)); do
        "$BUILD/latency" "$PORT" /v1/shell/exec "{\"id\":\"bench-$i\",\"command\":\"true\"}" '"exit_code":0' 1 >/dev/null
    done
    used=$(usage_of "$PID")
    (($(field 5 "$used") >= count)) || fail "only $(field 5 "$used") children live after opening $count sessions"
    record "resident memory, $count live shell sessions" '≤ 40 MB' "$(megabytes "$(field 3 "$used")") MB" '' '' \
        "$(at_most "$(calc "$(field 3 "$used") * 1024 / 1e6")" 40)"
    note "$count sessions: proportional set $(megabytes "$(field 4 "$used")") MB."
}

# grown_by COUNT: KiB the server PID on PORT grows by while COUNT connections are open and idle.
grown_by() {
    local before after line
    curl -fsS -o /dev/null "http://127.0.0.1:$PORT/healthz"
    before=$(field 3 "$(usage_of "$PID")")
    coproc HOLD { exec "$BUILD/hold" "$PORT" /healthz "$1"; }
    # bash forgets a coprocess's ends the moment it leaves; these stay.
    exec {from}<&"${HOLD[0]}" {to}>&"${HOLD[1]}"
    STARTED+=("$HOLD_PID")
    read -r -u "$from" line || fail "not held open: $(tail -n 1 "$TEMP/row.log")"
    [[ $line == "held $1" ]] || fail "unexpected: $line"
    after=$(field 3 "$(usage_of "$PID")")
    echo >&"$to"
    read -r -u "$from" line || fail "not kept open: $(tail -n 1 "$TEMP/row.log")"
    [[ $line == "kept $1" ]] || fail "unexpected: $line"
    exec {from}<&- {to}>&-
    GROWTH=$((after - before))
}

row_connections() {
    local theirs count=2000
    start_nginx
    # All of nginx's connections live in its one worker.
    PID=$(field 1 "$(cat "/proc/$PID/task/$PID/children")")
    grown_by "$count"
    theirs=$GROWTH
    start_gateway
    grown_by "$count"
    record "$count idle keep-alive connections, more resident memory" '≤ 40 MB' "$(megabytes "$GROWTH") MB" \
        "nginx $(megabytes "$theirs") MB" '' "$(at_most "$(calc "$GROWTH * 1024 / 1e6")" 40)"
}
