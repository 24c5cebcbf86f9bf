# shellcheck shell=bash
# proxy, pass, tunnel: what it costs to stand before a web app, in CPU time, beside nginx before the same app. nginx gets
# one worker and kept-alive connections to the app, as its manual advises; for large answers once with the buffers it has
# by default, which send them through a temporary file, and once with buffers that hold them.

APP_ANSWER=200            # bytes of the small one
APP_LARGE=$((1024 * 1024)) # and of the large one

# start_app: another nginx, with the answers. Sets APP_PORT.
start_app() {
    local room
    room=$(mktemp -d "$TEMP/app.XXXXXX")
    head -c "$APP_ANSWER" /dev/zero | tr '\0' x >"$room/small"
    head -c "$APP_LARGE" /dev/urandom >"$room/large"
    start_nginx "$room"
    APP_PORT=$PORT
}

# start_proxy APP_PORT [DIRECTIVE…]: nginx before that port. Sets PID, of its worker, and PORT.
start_proxy() {
    local room app=$1
    shift
    room=$(mktemp -d "$TEMP/proxy.XXXXXX")
    PORT=$("$BUILD/freeport")
    cat >"$room/nginx.conf" <<CONF
daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid $room/pid;
error_log $TEMP/proxy.log crit;
$([[ $EUID -eq 0 ]] && echo 'user root;')
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path $room/body;
    proxy_temp_path $room/temp;
    fastcgi_temp_path $room/fastcgi;
    uwsgi_temp_path $room/uwsgi;
    scgi_temp_path $room/scgi;
    upstream app { server 127.0.0.1:$app; keepalive 128; keepalive_requests 1000000000; }
    map \$http_upgrade \$connection_upgrade { default upgrade; '' ''; }
    server {
        listen 127.0.0.1:$PORT;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Host \$host;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection \$connection_upgrade;
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto \$scheme;
            $( (($#)) && printf '%s;\n' "$@")
        }
    }
}
CONF
    nginx -e "$TEMP/proxy.log" -p "$room" -c "$room/nginx.conf" >"$room/says" 2>&1 &
    PID=$!
    STARTED+=("$PID")
    await_port proxy
}

# pass_round PID PORT PATH CONNECTIONS: sets COST (CPU seconds per request) and RATE.
pass_round() {
    local before after said requests
    before=$(field 2 "$(usage_of "$1")")
    said=$(wrk -t1 -c"$4" -d2s "http://127.0.0.1:$2$3")
    after=$(field 2 "$(usage_of "$1")")
    ! grep -E 'Non-2xx|Socket errors' <<<"$said" >&2 || fail "wrk on port $2: $(grep -E 'Non-2xx|Socket errors' <<<"$said")"
    requests=$(awk '/requests in/ { print $1 }' <<<"$said")
    RATE=$(awk '/^Requests\/sec:/ { print $2 }' <<<"$said")
    COST=$(calc "($after - $before) * 1000000 / $requests")
}

# pass_beside WHAT LIMIT PATH CONNECTIONS LABEL: rounds of both; `gateway`, `theirs` and their ports are the caller's.
pass_beside() {
    local round ours=() peers=() our_rate=() peer_rate=() ratio
    pass_round "$peer" "$peer_port" "/$3" "$4" # warm-up
    pass_round "$gateway" "$gateway_port" "/proxy/$APP_PORT/$3" "$4"
    for ((round = 0; round < ROUNDS; round++)); do
        pass_round "$peer" "$peer_port" "/$3" "$4"
        peers+=("$COST") peer_rate+=("$RATE")
        pass_round "$gateway" "$gateway_port" "/proxy/$APP_PORT/$3" "$4"
        ours+=("$COST") our_rate+=("$RATE")
    done
    ratio=$(median_ratio "${ours[*]}" "${peers[*]}")
    record "$1" "≤ $2 × $5" "$(round 1 "$(median "${ours[@]}")") µs" "$5 $(round 1 "$(median "${peers[@]}")") µs" \
        "$(round 2 "$ratio")" "$(at_most "$ratio" "$2")"
    note "$1: $(round 0 "$(median "${our_rate[@]}")") requests/s; $5 $(round 0 "$(median "${peer_rate[@]}")")."
}

row_proxy() {
    local peer peer_port gateway gateway_port
    need wrk wrk
    start_app
    start_proxy "$APP_PORT"
    peer=$PID peer_port=$PORT
    start_gateway
    gateway=$PID gateway_port=$PORT
    pass_beside 'proxied GET of 200 bytes, CPU per request' 1.1 small 64 nginx
}

row_pass() {
    local peer peer_port gateway gateway_port
    need wrk wrk
    start_app
    start_gateway
    gateway=$PID gateway_port=$PORT
    start_proxy "$APP_PORT"
    peer=$PID peer_port=$PORT
    pass_beside 'proxied GET of 1 MiB, CPU per request' 0.5 large 16 nginx
    start_proxy "$APP_PORT" 'proxy_buffer_size 64k' 'proxy_buffers 32 64k' 'proxy_busy_buffers_size 128k' \
        'proxy_max_temp_file_size 0'
    peer=$PID peer_port=$PORT
    pass_beside 'proxied GET of 1 MiB, CPU per request, against tuned buffers' 1.0 large 16 'tuned nginx'
}

# tunnel_round PID PORT PATH STREAMS ROUNDS SIZE: sets COST (CPU µs per round trip) and RATE.
tunnel_round() {
    local before after
    before=$(field 2 "$(usage_of "$1")")
    RATE=$("$BUILD/tunnel" "$2" "$3" "$4" "$5" "$6")
    after=$(field 2 "$(usage_of "$1")")
    COST=$(calc "($after - $before) * 1000000 / ($4 * $5)")
}

# tunnel_beside WHAT STREAMS ROUNDS SIZE
tunnel_beside() {
    local round ours=() peers=() our_rate=() peer_rate=() ratio
    for ((round = 0; round < ROUNDS; round++)); do
        tunnel_round "$peer" "$peer_port" / "$2" "$3" "$4"
        peers+=("$COST") peer_rate+=("$RATE")
        tunnel_round "$gateway" "$gateway_port" "/proxy/$APP_PORT/" "$2" "$3" "$4"
        ours+=("$COST") our_rate+=("$RATE")
    done
    ratio=$(median_ratio "${ours[*]}" "${peers[*]}")
    record "$1" '≤ 1.05 × nginx' "$(round 2 "$(median "${ours[@]}")") µs" "nginx $(round 2 "$(median "${peers[@]}")") µs" \
        "$(round 2 "$ratio")" "$(at_most "$ratio" 1.05)"
    note "$1: $(round 0 "$(median "${our_rate[@]}")") round trips/s; nginx $(round 0 "$(median "${peer_rate[@]}")")."
}

row_tunnel() {
    local peer peer_port gateway gateway_port
    APP_PORT=$("$BUILD/freeport")
    "$BUILD/echo" "$APP_PORT" 2>"$TEMP/echo.log" &
    PID=$! PORT=$APP_PORT
    STARTED+=("$PID")
    await_port echo
    start_proxy "$APP_PORT"
    peer=$PID peer_port=$PORT
    start_gateway
    gateway=$PID gateway_port=$PORT
    tunnel_beside 'WebSocket tunnel, 128 bytes there and back, CPU' 16 4000 128
    tunnel_beside 'WebSocket tunnel, 64 KiB there and back, CPU' 4 2000 65536
}
