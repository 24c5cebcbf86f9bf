# shellcheck shell=bash
# exec: `true` through /v1/bash/exec on a keep-alive connection, beside the bare posix_spawn and wait of `bash -c true`.

row_exec() {
    local found
    start_gateway
    found=$("$BUILD/commands" "$PORT" $((ROUNDS * 3)) 50)
    record '/v1/bash/exec of true, p50' '≤ 1.3 × posix_spawn' "$(field 1 "$found") ms" \
        "plain $(field 2 "$found") ms" "$(round 2 "$(field 4 "$found")")" "$(at_most "$(field 4 "$found")" 1.3)"
    note "exec: with pipes made, drained and closed around it the bare spawn takes $(field 3 "$found") ms" \
        "(ratio $(round 2 "$(field 5 "$found")"))."
}
