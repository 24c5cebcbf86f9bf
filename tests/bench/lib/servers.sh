# shellcheck shell=bash
# servers.sh: starts the gateway and its peers on free loopback ports, and ends by pid whatever it started.
# Each start_* sets PID and PORT (and start_gateway GATEWAY_WORKSPACE). A row runs in a subshell of its own whose EXIT trap is stop_all.
# shellcheck disable=SC2034

STARTED=()

# A peer that cannot say when it serves is asked until it does, or until it is gone.
await_port() {
    local tries=500
    until (exec {probe}<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do
        if ! kill -0 "$PID" 2>/dev/null || ! ((--tries)); then
            fail "$1 did not start: $(tail -n 3 "$TEMP/$1.log" 2>/dev/null)"
        fi
        sleep 0.02
    done
}

# start_gateway [SERVICES]: without any service when none are named.
start_gateway() {
    local room line
    [[ -x $GATEWAY ]] || fail "no gateway built"
    room=$(mktemp -d "$TEMP/gateway.XXXXXX")
    GATEWAY_WORKSPACE=$room/workspace
    mkdir "$room/home" "$room/workspace" "$room/state"
    mkfifo "$room/says"
    "$GATEWAY" --listen 127.0.0.1:0 --home "$room/home" --workspace "$room/workspace" \
        --state "$room/state" --services "${1:-none}" >"$room/says" 2>"$TEMP/gateway.log" &
    PID=$!
    STARTED+=("$PID")
    exec {GATEWAY_SAYS}<"$room/says" # stays open: the gateway must not write into a closed pipe
    read -r -t 20 -u "$GATEWAY_SAYS" line || fail "the gateway did not start: $(tail -n 3 "$TEMP/gateway.log")"
    [[ $line =~ ^listening\ http://.*:([0-9]+)$ ]] || fail "unexpected first line of the gateway: $line"
    PORT=${BASH_REMATCH[1]}
}

# start_nginx [ROOT]: one worker, no log; /healthz is `return 200`, everything else a file below ROOT.
start_nginx() {
    local room
    need nginx nginx-light
    room=$(mktemp -d "$TEMP/nginx.XXXXXX")
    PORT=$("$BUILD/freeport")
    # Workers of a root-started nginx become another user, which could not read the temporary files.
    cat >"$room/nginx.conf" <<CONF
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid $room/pid;
error_log $TEMP/nginx.log;
$([[ $EUID -eq 0 ]] && echo 'user root;')
events { worker_connections 4096; }
http {
    access_log off;
    types { text/html html; text/javascript js; }
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 300;
    client_body_temp_path $room/body;
    proxy_temp_path $room/proxy;
    fastcgi_temp_path $room/fastcgi;
    uwsgi_temp_path $room/uwsgi;
    scgi_temp_path $room/scgi;
    server {
        listen 127.0.0.1:$PORT;
        root ${1:-$room};
        location = /healthz { default_type text/plain; return 200 "ok\n"; }
    }
}
CONF
    nginx -e "$TEMP/nginx.log" -p "$room" -c "$room/nginx.conf" >"$room/says" 2>&1 &
    PID=$!
    STARTED+=("$PID")
    await_port nginx
}

start_ttyd() {
    PORT=$("$BUILD/freeport")
    "$TTYD" --writable --interface 127.0.0.1 --port "$PORT" bash >"$TEMP/ttyd.log" 2>&1 &
    PID=$!
    STARTED+=("$PID")
    await_port ttyd
}

# Ends one process: TERM, and after ten seconds KILL, then with its children, who would not be told.
stop() {
    local pid=$1 children
    kill -TERM "$pid" 2>/dev/null || return 0
    if ! timeout 10 tail --pid="$pid" -s 0.05 -f /dev/null; then
        children=$(cat "/proc/$pid/task/"*/children 2>/dev/null || true)
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL "$pid" $children 2>/dev/null || true
    fi
}

stop_all() {
    local pid
    for pid in "${STARTED[@]}"; do
        stop "$pid"
    done
    STARTED=()
}

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null || fail "$1 is missing (Debian package $2)"
}

# usage_of PID: "OWN TREE RSS PSS CHILDREN", see src/usage.c.
usage_of() {
    "$BUILD/usage" "$1"
}
