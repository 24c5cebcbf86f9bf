# shellcheck shell=bash
# auth: what a credential adds to the CPU time of a request: the key, a token that was seen before, and one that was
# not. Each is asked in turn with a request without any, of an open gateway, in the same way.

# auth_round PID PORT FILE COUNT: sets COST (CPU microseconds a request).
auth_round() {
    local before after
    before=$(field 1 "$(usage_of "$1")")
    "$BUILD/headers" "$2" /healthz "$3" "$4"
    after=$(field 1 "$(usage_of "$1")")
    COST=$(calc "($after - $before) * 1000000 / $4")
}

# auth_record WHAT LIMIT "COSTS…": what they are above those of a request without credential (NONE).
auth_record() {
    local added
    added=$(paste <(tr ' ' '\n' <<<"$3") <(tr ' ' '\n' <<<"$NONE") | awk '{ print $1 - $2 }')
    # shellcheck disable=SC2086 # a list of numbers
    added=$(median $added)
    record "$1" "≤ $2 µs" "$(round 2 "$added") µs" '' '' "$(at_most "$added" "$2")"
}

row_auth() {
    local round kind open locked port none=() key=() again=() first_rs=() first_es=() count=20000 fresh=2048
    declare -A pid ports
    # More tokens than the gateway remembers: asked in turn, each is new whenever it comes.
    RS=$("$BUILD/tokens" RS256 "$fresh" "$TEMP/rs256") || fail 'no RS256 tokens'
    ES=$("$BUILD/tokens" ES256 "$fresh" "$TEMP/es256") || fail 'no ES256 tokens'
    head -n 1 "$TEMP/es256" >"$TEMP/again"
    echo 'X-AIO-API-Key: a-key-as-long-as-people-make-them-0123456789' >"$TEMP/key"
    echo 'X-Nothing: a-key-as-long-as-people-make-them-0123456789' >"$TEMP/none"
    start_gateway
    open=$PID port=$PORT
    for kind in RS ES; do
        export SANDBOX_API_KEY=a-key-as-long-as-people-make-them-0123456789 JWT_PUBLIC_KEY=${!kind}
        start_gateway
        pid[$kind]=$PID ports[$kind]=$PORT
    done
    locked=${pid[ES]}
    for ((round = 0; round <= ROUNDS; round++)); do
        auth_round "$open" "$port" "$TEMP/none" "$count" && none+=("$COST")
        auth_round "$locked" "${ports[ES]}" "$TEMP/key" "$count" && key+=("$COST")
        auth_round "$locked" "${ports[ES]}" "$TEMP/again" "$count" && again+=("$COST")
        auth_round "$locked" "${ports[ES]}" "$TEMP/es256" "$fresh" && first_es+=("$COST")
        auth_round "${pid[RS]}" "${ports[RS]}" "$TEMP/rs256" "$fresh" && first_rs+=("$COST")
    done
    # The first round warmed up.
    NONE="${none[*]:1}"
    auth_record 'an API key, CPU a request' 3 "${key[*]:1}"
    auth_record 'a token seen before, CPU a request' 5 "${again[*]:1}"
    auth_record 'a token first seen, ES256, CPU a request' 60 "${first_es[*]:1}"
    auth_record 'a token first seen, RS256, CPU a request' 60 "${first_rs[*]:1}"
    # shellcheck disable=SC2086 # a list of numbers
    note "Credentials: a GET of /healthz without any costs $(round 2 "$(median $NONE)") µs of CPU, asked" \
        "16 at a time on one connection."
}
