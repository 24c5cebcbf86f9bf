# shellcheck shell=bash
# rest: CPU seconds a GET costs the server, beside nginx answering a constant. 64 keep-alive connections ask as fast as
# they are answered; what counts is CPU time per request, which a busy machine disturbs far less than throughput.

# rest_round PID PORT: sets COST (CPU seconds per 100,000 requests) and RATE (requests per second).
rest_round() {
    local before after said requests
    before=$(field 2 "$(usage_of "$1")")
    said=$(wrk -t1 -c64 -d2s "http://127.0.0.1:$2/healthz")
    after=$(field 2 "$(usage_of "$1")")
    ! grep -E 'Non-2xx|Socket errors' <<<"$said" >&2 || fail "wrk on port $2: $(grep -E 'Non-2xx|Socket errors' <<<"$said")"
    requests=$(awk '/requests in/ { print $1 }' <<<"$said")
    RATE=$(awk '/^Requests\/sec:/ { print $2 }' <<<"$said")
    COST=$(calc "($after - $before) * 100000 / $requests")
}

row_rest() {
    local round nginx nginx_port gateway gateway_port ours=() theirs=() our_rate=() their_rate=() ratio
    need wrk wrk
    start_nginx
    nginx=$PID nginx_port=$PORT
    start_gateway
    gateway=$PID gateway_port=$PORT
    rest_round "$gateway" "$gateway_port" # warm-up
    for ((round = 0; round < ROUNDS; round++)); do
        rest_round "$nginx" "$nginx_port"
        theirs+=("$COST") their_rate+=("$RATE")
        rest_round "$gateway" "$gateway_port"
        ours+=("$COST") our_rate+=("$RATE")
    done
    ratio=$(median_ratio "${ours[*]}" "${theirs[*]}")
    record 'REST GET, CPU per 100k requests' '≤ 1.25 × nginx' "$(round 3 "$(median "${ours[@]}")") s" \
        "nginx $(round 3 "$(median "${theirs[@]}")") s" "$(round 2 "$ratio")" "$(at_most "$ratio" 1.25)"
    note "REST: $(round 0 "$(median "${our_rate[@]}")") requests/s; nginx $(round 0 "$(median "${their_rate[@]}")")," \
        "wrk taking one of the cores in both cases."
}
