# shellcheck shell=bash
# terminal: three million lines through a terminal to a WebSocket client, beside ttyd where there is one. Each round
# opens a new terminal; the client checks that every line comes, in order.

TERMINAL_LINES=3000000

# terminal_round KIND PID PORT: sets TAKEN (seconds) and COST (CPU seconds of the server itself, without its shell).
terminal_round() {
    local before after
    before=$(field 1 "$(usage_of "$2")")
    TAKEN=$("$BUILD/terminal" "$1" "$3" "$TERMINAL_LINES")
    after=$(field 1 "$(usage_of "$2")")
    COST=$(calc "$after - $before")
}

row_terminal() {
    local round ttyd ttyd_port gateway gateway_port ours=() theirs=() our_cost=() their_cost=() ratio
    start_gateway
    gateway=$PID gateway_port=$PORT
    if [[ -n $TTYD ]]; then
        start_ttyd
        ttyd=$PID ttyd_port=$PORT
    fi
    for ((round = 0; round < ROUNDS; round++)); do
        if [[ -n $TTYD ]]; then
            terminal_round ttyd "$ttyd" "$ttyd_port"
            theirs+=("$TAKEN") their_cost+=("$COST")
        fi
        terminal_round sandgate "$gateway" "$gateway_port"
        ours+=("$TAKEN") our_cost+=("$COST")
    done
    if [[ -z $TTYD ]]; then
        record "terminal, seq 1 $TERMINAL_LINES" '≥ as fast as ttyd' "$(round 2 "$(median "${ours[@]}")") s" '' '' \
            'not compared: no ttyd (TTYD=/path/to/ttyd)'
        return
    fi
    ratio=$(median_ratio "${ours[*]}" "${theirs[*]}")
    record "terminal, seq 1 $TERMINAL_LINES" '≤ 1 × ttyd' "$(round 2 "$(median "${ours[@]}")") s" \
        "ttyd $(round 2 "$(median "${theirs[@]}")") s" "$(round 2 "$ratio")" "$(at_most "$ratio" 1)"
    note "terminal: $(round 2 "$(median "${our_cost[@]}")") s of CPU in the server, its shell not counted;" \
        "ttyd $(round 2 "$(median "${their_cost[@]}")") s. Every line arrived, in order."
}
