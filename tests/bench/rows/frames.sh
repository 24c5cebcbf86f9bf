# shellcheck shell=bash
# frames: what a watched page that moves thirty times a second costs the server, per frame of the page that arrives:
# CPU of X server, VNC program, window manager and gateway or websockify, Chromium left out. The same Chromium with the
# same page on each desktop, the same viewer (src/rfb.h), one desktop moving at a time, in rounds.

FRAMES_SECONDS=${BENCH_FRAMES_SECONDS:-8}

# Desktops are told apart by a prefix of what start_* left in the plain names.
keep_desktop() {
    local name
    for name in PORT WS_PATH VIEWED BROWSER; do
        printf -v "$1_$name" %s "${!name}"
    done
    printf -v "$1_SERVER" '%s ' "${SERVER[@]}"
    printf -v "$1_SERVER_NAMES" '%s ' "${SERVER_NAMES[@]}"
}

# frames_round NAME: appends to NAME_cost (CPU ms per frame), _fps, _kb (per frame), _web (Chromium's CPU ms per frame),
# _parts (a line of the cost of each process) and sets VIEWED_KIB.
frames_round() {
    local port=$1_PORT path=$1_WS_PATH server=$1_SERVER names=$1_SERVER_NAMES browser=$1_BROWSER said values parts='' i cost=0
    local -n costs=$1_cost rates=$1_fps sizes=$1_kb webs=$1_web lines=$1_parts
    read -ra server <<<"${!server}"
    read -ra names <<<"${!names}"
    said=$("$BUILD/frames" "${!port}" "${!path}" "$FRAMES_SECONDS" "${server[@]}" "${!browser}")
    read -ra values <<<"$said"
    ((values[0] > 0)) || fail "$1: not one whole frame arrived"
    for i in "${!server[@]}"; do
        cost=$(calc "$cost + ${values[5 + 2 * i]}")
        parts+="${names[i]} $(round 2 "$(calc "${values[5 + 2 * i]} * 1000 / ${values[0]}")"), "
        [[ ${names[i]} != desktop ]] || VIEWED_KIB=${values[6 + 2 * i]}
    done
    costs+=("$(calc "$cost * 1000 / ${values[0]}")")
    rates+=("$(calc "${values[0]} / ${values[4]}")")
    sizes+=("$(calc "${values[2]} / 1000 / ${values[0]}")")
    webs+=("$(calc "${values[5 + 2 * ${#server[@]}]} * 1000 / ${values[0]}")")
    lines+=("${parts%, }")
    say "   $1: $(round 1 "${rates[-1]}") frames/s, $(round 2 "${costs[-1]}") ms of CPU per frame (${lines[-1]});" \
        "$(calc "${values[1]} / ${values[0]}") updates, $(round 0 "$(calc "${values[3]} / ${values[0]}")") pixels and" \
        "$(round 1 "${sizes[-1]}") kB per frame; Chromium $(round 2 "${webs[-1]}") ms"
}

# frames_note NAME TITLE
frames_note() {
    local -n costs=$1_cost rates=$1_fps sizes=$1_kb webs=$1_web lines=$1_parts
    note "frames, $2: $(round 2 "$(median "${costs[@]}")") ms of CPU per frame (last round, ms: ${lines[-1]});" \
        "$(round 1 "$(median "${rates[@]}")") frames/s, $(round 1 "$(median "${sizes[@]}")") kB per frame;" \
        "Chromium besides $(round 2 "$(median "${webs[@]}")") ms."
}

# shellcheck disable=SC2034 # used by name
row_frames() {
    local round name page kib=() peers=(tigervnc x11vnc) cost ratio
    local ours_cost=() ours_fps=() ours_kb=() ours_web=() ours_parts=()
    local tigervnc_cost=() tigervnc_fps=() tigervnc_kb=() tigervnc_web=() tigervnc_parts=()
    local x11vnc_cost=() x11vnc_fps=() x11vnc_kb=() x11vnc_web=() x11vnc_parts=()
    start_nginx "$BENCH/pages"
    page=http://127.0.0.1:$PORT/animation.html
    for name in ours "${peers[@]}"; do
        "start_$name" "$page"
        keep_desktop "$name"
    done
    for ((round = 0; round < ROUNDS; round++)); do
        for name in ours "${peers[@]}"; do
            frames_round "$name"
        done
        kib+=("$VIEWED_KIB")
    done
    cost="$(round 2 "$(median "${ours_cost[@]}")") ms"
    ratio=$(median_ratio "${ours_cost[*]}" "${tigervnc_cost[*]}")
    record 'a page at 30 fps watched, CPU per frame' '≤ 1 × Xtigervnc' "$cost" \
        "Xtigervnc $(round 2 "$(median "${tigervnc_cost[@]}")") ms" "$(round 2 "$ratio")" "$(at_most "$ratio" 1)"
    ratio=$(median_ratio "${ours_cost[*]}" "${x11vnc_cost[*]}")
    record 'a page at 30 fps watched, CPU per frame' '≤ 0.5 × x11vnc' "$cost" \
        "x11vnc $(round 2 "$(median "${x11vnc_cost[@]}")") ms" "$(round 2 "$ratio")" "$(at_most "$ratio" 0.5)"
    record 'resident memory of the VNC program, watched' '≤ 20 MB' "$(megabytes "$(median "${kib[@]}")") MB" '' '' \
        "$(at_most "$(calc "$(median "${kib[@]}") * 1024 / 1e6")" 20)"
    frames_note ours 'ours'
    frames_note tigervnc 'Xtigervnc and websockify'
    frames_note x11vnc 'Xvfb, x11vnc and websockify'
}
