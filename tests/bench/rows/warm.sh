# shellcheck shell=bash
# warm: a command in a shell session that is already there.

row_warm() {
    local found echoed body='{"id":"bench","command":"true"}'
    start_gateway
    found=$("$BUILD/latency" "$PORT" /v1/shell/exec "$body" '"exit_code":0' 3000)
    echoed=$("$BUILD/latency" "$PORT" /v1/shell/exec '{"id":"bench","command":"echo x"}' '"output":"x' 3000)
    record '/v1/shell/exec of true in a warm session, p50' '≤ 0.6 ms' "$(field 1 "$found") ms" '' '' \
        "$(at_most "$(field 1 "$found")" 0.6)"
    record '/v1/shell/exec of echo x in a warm session, p50' '≤ 0.6 ms' "$(field 1 "$echoed") ms" '' '' \
        "$(at_most "$(field 1 "$echoed")" 0.6)"
    note "warm session: true p90 $(field 2 "$found") ms, p99 $(field 3 "$found") ms;" \
        "echo x p90 $(field 2 "$echoed") ms, p99 $(field 3 "$echoed") ms."
}
