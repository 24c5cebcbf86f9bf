# shellcheck shell=bash
# node: JavaScript in a session that is there already, and a single run beside a bare `node FILE`.

# bare_node COUNT: the median of COUNT starts of node on an empty file, in milliseconds.
bare_node() {
    local i from till times=()
    : >"$TEMP/empty.js"
    for ((i = 0; i < $1; i++)); do
        from=${EPOCHREALTIME//./}
        node "$TEMP/empty.js"
        till=${EPOCHREALTIME//./}
        times+=("$(calc "($till - $from) / 1000")")
    done
    median "${times[@]}"
}

row_node() {
    local warm once bare body='{"session_id":"bench","code":"1+1"}'
    need node nodejs
    start_gateway
    warm=$("$BUILD/latency" "$PORT" /v1/nodejs/execute "$body" '"text/plain":"2"' 2000)
    record '/v1/nodejs/execute of 1+1 in a warm session, p50' '≤ 2 ms' "$(field 1 "$warm") ms" '' '' \
        "$(at_most "$(field 1 "$warm")" 2)"
    once=$("$BUILD/latency" "$PORT" /v1/nodejs/execute '{"code":"console.log(2)"}' '"stdout":"2' 20)
    bare=$(bare_node 20)
    record '/v1/nodejs/execute of one run, p50' '' "$(field 1 "$once") ms" "node FILE $(round 1 "$bare") ms" \
        "$(round 2 "$(calc "$(field 1 "$once") / $bare")")" ''
    note "node: warm session p90 $(field 2 "$warm") ms, p99 $(field 3 "$warm") ms;" \
        "one run p90 $(field 2 "$once") ms."
}
