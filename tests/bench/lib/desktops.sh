# shellcheck shell=bash
# desktops.sh: three desktops that show the same page in the same Chromium, each to be watched over a WebSocket on PORT:
# ours, and the two a person would otherwise build from Debian's packages. Every start_* appends what it starts to
# STARTED (see servers.sh) and sets PORT, SERVER (processes whose CPU is the server's, as src/frames.c takes them),
# SERVER_NAMES, VIEWED (the VNC program's pid), BROWSER (Chromium's pid) and DISPLAY_OF (its DISPLAY and XAUTHORITY).
# shellcheck disable=SC2034

SCREEN_WIDTH=1280
SCREEN_HEIGHT=1024

# api PATH [BODY]: data of an answer of our gateway.
api() {
    curl -fsS -m 60 ${2:+-H 'Content-Type: application/json' -d "$2"} "http://127.0.0.1:$PORT$1" | jq -c .data
}

service_pid() {
    api "/v1/services/$1" | jq -re .pid || fail "the service $1 does not run"
}

# start_cold [PAGE]: a gateway whose services do not run yet.
start_cold() {
    export DISPLAY_WIDTH=$SCREEN_WIDTH DISPLAY_HEIGHT=$SCREEN_HEIGHT HOMEPAGE=${1:-about:blank}
    start_gateway all
    GATEWAY_PID=$PID
}

# start_ours [PAGE]
start_ours() {
    start_cold "$@"
    api /v1/browser/info >"$TEMP/info" || fail "the browser did not start: $(api /v1/services/browser | jq -r .reason)"
    VIEWED=$(service_pid desktop)
    X_PID=$(service_pid display)
    WINDOWS_PID=$(service_pid windows)
    SERVER=("=$GATEWAY_PID" "$X_PID" "$VIEWED" "$WINDOWS_PID")
    SERVER_NAMES=(gateway Xvfb desktop openbox)
    BROWSER=$(service_pid browser)
    DISPLAY_OF=$(api /v1/bash/exec '{"command":"echo DISPLAY=$DISPLAY XAUTHORITY=$XAUTHORITY"}' | jq -r .stdout)
}

# read_display LOG: the number an X server writes into its -displayfd. Sets X_DISPLAY.
read_display() {
    local number
    read -r -t 20 -u "$SAYS" number || fail "no X server: $(tail -n 2 "$1")"
    exec {SAYS}<&-
    X_DISPLAY=:$number
}

# start_x NAME COMMAND…: an X server that picks its own display; X_PID, X_DISPLAY.
start_x() {
    local name=$1 room
    shift
    room=$(mktemp -d "$TEMP/$name.XXXXXX")
    mkfifo "$room/display"
    "$@" -displayfd 3 -nolisten tcp -noreset -ac 3>"$room/display" >"$TEMP/$name.log" 2>&1 &
    X_PID=$!
    STARTED+=("$X_PID")
    exec {SAYS}<"$room/display"
    read_display "$TEMP/$name.log"
}

# start_around NAME PAGE RFB_PORT: what stands around a VNC server on X_DISPLAY: window manager, websockify and the same
# Chromium, started by our own launcher so that it has the same switches. WINDOWS_PID, BRIDGE_PID, BROWSER, PORT.
start_around() {
    local room
    room=$(mktemp -d "$TEMP/$1.XXXXXX")
    mkdir "$room/state" "$room/run" "$room/home"
    env DISPLAY="$X_DISPLAY" HOME="$room/home" openbox --sm-disable --config-file "$SERVICES/windows/rc.xml" \
        >"$TEMP/$1.openbox.log" 2>&1 &
    WINDOWS_PID=$!
    STARTED+=("$WINDOWS_PID")
    PORT=$("$BUILD/freeport")
    websockify "127.0.0.1:$PORT" "127.0.0.1:$3" >"$TEMP/$1.websockify.log" 2>&1 &
    PID=$!
    BRIDGE_PID=$PID
    STARTED+=("$BRIDGE_PID")
    await_port "$1.websockify"
    env -u XAUTHORITY DISPLAY="$X_DISPLAY" HOME="$room/home" WORKSPACE="$room/home" HOMEPAGE="$2" \
        DISPLAY_WIDTH=$SCREEN_WIDTH DISPLAY_HEIGHT=$SCREEN_HEIGHT SERVICE_NAME=browser \
        SERVICE_DIR="$SERVICES/browser" SERVICE_STATE="$room/state" SERVICE_RUN="$room/run" SANDGATE_RUN="$room" \
        SERVICE_PORT="$("$BUILD/freeport")" "$SERVICES/browser/sandgate-browser" >"$TEMP/$1.browser.log" 2>&1 &
    BROWSER=$!
    STARTED+=("$BROWSER")
    DISPLAY_OF="DISPLAY=$X_DISPLAY XAUTHORITY="
}

# start_tigervnc PAGE
start_tigervnc() {
    local rfb
    need Xtigervnc tigervnc-standalone-server
    rfb=$("$BUILD/freeport")
    start_x tigervnc Xtigervnc -geometry "${SCREEN_WIDTH}x$SCREEN_HEIGHT" -depth 24 -rfbport "$rfb" -localhost \
        -SecurityTypes None -AlwaysShared
    VIEWED=$X_PID
    start_around tigervnc "$1" "$rfb"
    SERVER=("$X_PID" "$BRIDGE_PID" "$WINDOWS_PID")
    SERVER_NAMES=(Xtigervnc websockify openbox)
}

# start_x11vnc PAGE
start_x11vnc() {
    local rfb vnc
    need x11vnc x11vnc
    rfb=$("$BUILD/freeport")
    start_x xvfb Xvfb -screen 0 "${SCREEN_WIDTH}x${SCREEN_HEIGHT}x24"
    PORT=$rfb
    x11vnc -display "$X_DISPLAY" -rfbport "$rfb" -localhost -noipv6 -forever -shared -nopw >"$TEMP/x11vnc.log" 2>&1 &
    PID=$!
    vnc=$PID
    STARTED+=("$PID")
    await_port x11vnc
    VIEWED=$vnc
    start_around x11vnc "$1" "$rfb"
    SERVER=("$X_PID" "$vnc" "$BRIDGE_PID" "$WINDOWS_PID")
    SERVER_NAMES=(Xvfb x11vnc websockify openbox)
}
