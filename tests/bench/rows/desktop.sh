# shellcheck shell=bash
# screenshot, pointer, cold, quiet: what our desktop alone is asked for.

row_screenshot() {
    local found kind limit suffix before count=$((ROUNDS * 15))
    start_nginx "$BENCH/pages"
    start_ours "http://127.0.0.1:$PORT/article.html"
    await_title 'The article: painted'
    for kind in PNG JPEG; do
        limit=25 suffix='?format=png'
        [[ $kind == PNG ]] || limit=12 suffix='?format=jpeg'
        before=$(server_seconds)
        found=$("$BUILD/shots" "$PORT" "/v1/browser/screenshot$suffix" "$count" $SCREEN_WIDTH $SCREEN_HEIGHT)
        record "screenshot ${SCREEN_WIDTH}×$SCREEN_HEIGHT $kind, p50" "≤ $limit ms" "$(round 1 "$(field 1 "$found")") ms" '' '' \
            "$(at_most "$(field 1 "$found")" $limit)"
        note "screenshot $kind: p90 $(round 1 "$(field 2 "$found")") ms, $(round 0 "$(calc "$(field 3 "$found") / 1000")") kB," \
            "$(round 1 "$(calc "($(server_seconds) - $before) * 1000 / ($count + 3)")") ms of CPU each."
    done
}

# await_title TITLE: until the page has it, which it tells over CDP.
await_title() {
    local tries=500
    until curl -fsS "http://127.0.0.1:$PORT/json/list" | jq -e --arg title "$1" 'any(.[]; .title == $title)' >/dev/null; do
        ((--tries)) || fail "the page did not become \"$1\""
        sleep 0.02
    done
}

row_pointer() {
    local found kind path=/v1/browser/actions done='"status":"success"'
    start_ours
    for kind in MOVE_TO CLICK; do
        found=$("$BUILD/latency" "$PORT" $path "{\"action_type\":\"$kind\",\"x\":300,\"y\":400}" "$done" \
            $((ROUNDS * 60)) "{\"action_type\":\"$kind\",\"x\":640,\"y\":500}")
        record "/v1/browser/actions $kind, p50" '≤ 3 ms' "$(field 1 "$found") ms" '' '' "$(at_most "$(field 1 "$found")" 3)"
        note "$kind: p90 $(field 2 "$found") ms, p99 $(field 3 "$found") ms."
    done
}

# Each time with nothing stored and nothing running but the gateway.
row_cold() {
    local round frame=() cdp=() worst
    for ((round = 0; round < ROUNDS; round++)); do
        start_cold
        frame+=("$("$BUILD/coldframe" "$PORT" /websockify)")
        stop_all
        start_cold
        cdp+=("$("$BUILD/coldcdp" "$PORT")")
        stop_all
        say "   first frame ${frame[-1]} ms, CDP ${cdp[-1]} ms"
    done
    record 'first VNC frame after a cold request' '≤ 1000 ms' "$(round 0 "$(median "${frame[@]}")") ms" '' '' \
        "$(at_most "$(median "${frame[@]}")" 1000)"
    record 'CDP answers after a cold request' '≤ 2500 ms' "$(round 0 "$(median "${cdp[@]}")") ms" '' '' \
        "$(at_most "$(median "${cdp[@]}")" 2500)"
    worst=$(printf '%s\n' "${frame[@]}" | sort -g | tail -n 1)
    note "cold: slowest first frame $(round 0 "$worst") ms," \
        "slowest CDP $(round 0 "$(printf '%s\n' "${cdp[@]}" | sort -g | tail -n 1)") ms of $ROUNDS each."
}

# CPU seconds of SERVER so far.
server_seconds() {
    local pid total=0 which
    for pid in "${SERVER[@]}"; do
        which=2
        [[ $pid != =* ]] || which=1 # the gateway counts alone, without the services below it
        total=$(calc "$total + $(field $which "$(usage_of "${pid#=}")")")
    done
    echo "$total"
}

row_quiet() {
    local before browser_before share seconds=10
    start_ours
    sleep 5 # Chromium's start settles; what is measured is a desktop long idle
    browser_before=$(field 2 "$(usage_of "$BROWSER")")
    before=$(server_seconds)
    sleep $seconds
    share=$(calc "($(server_seconds) - $before) / $seconds * 100")
    record 'idle desktop without a viewer, beyond Chromium' '< 1 % of a core' "$(round 2 "$share") %" '' '' "$(at_most "$share" 1)"
    note "idle desktop: Chromium itself takes" \
        "$(round 2 "$(calc "($(field 2 "$(usage_of "$BROWSER")") - $browser_before) / $seconds * 100")") % of a core."
}
