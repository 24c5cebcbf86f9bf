# shellcheck shell=bash
# first: from starting the program, with nothing stored yet, to its first command's answer.

# first_exec PATH: milliseconds of one start.
first_exec() {
    local room
    room=$(mktemp -d "$TEMP/first.XXXXXX")
    mkdir "$room/home" "$room/workspace" "$room/state"
    "$BUILD/first" "$1" '{"command":"true"}' '"exit_code":0' "$GATEWAY" --listen 127.0.0.1:0 \
        --home "$room/home" --workspace "$room/workspace" --state "$room/state" --services none
}

row_first() {
    local path round taken worst
    [[ -x $GATEWAY ]] || fail "no gateway built"
    for path in /v1/bash/exec /v1/shell/exec; do
        taken=()
        for ((round = 0; round < 10; round++)); do
            taken+=("$(first_exec "$path")")
        done
        record "start to first $path answered" '≤ 60 ms' "$(round 1 "$(median "${taken[@]}")") ms" '' '' \
            "$(at_most "$(median "${taken[@]}")" 60)"
        worst=$(printf '%s\n' "${taken[@]}" | sort -g | tail -n 1)
        note "first $path: slowest of 10 starts $(round 1 "$worst") ms."
    done
}
