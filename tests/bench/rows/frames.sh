# shellcheck shell=bash
# frames: what a watched page that moves thirty times a second costs the server, per frame of the page that arrives:
# CPU of X server, VNC program, window manager and gateway or websockify, Chromium left out. The same Chromium with the
# same page on each desktop, the same viewer (src/rfb.h), one desktop moving at a time, in rounds.

FRAMES_SECONDS=${BENCH_FRAMES_SECONDS:-8}

# keep_desktop NAME: what start_NAME said, for the rounds.
keep_desktop() {
    DESKTOP_PORT[$1]=$PORT
    DESKTOP_PIDS[$1]="${SERVER[*]} $BROWSER"
    DESKTOP_NAMES[$1]="${SERVER_NAMES[*]}"
}

# frames_round NAME: appends to $TEMP/frames.NAME "COST RATE SIZE BROWSER KIB PART…": the server's CPU in ms per frame,
# frames per second, kB per frame, Chromium's CPU in ms per frame, the resident memory of the VNC program in KiB, and
# what each process had of the cost.
frames_round() {
    local pids said
    read -ra pids <<<"${DESKTOP_PIDS[$1]}"
    said=$("$BUILD/frames" "${DESKTOP_PORT[$1]}" /websockify "$FRAMES_SECONDS" "${pids[@]}")
    [[ $said != 0\ * ]] || fail "$1: not one whole frame arrived"
    awk -v names="${DESKTOP_NAMES[$1]}" '{
        count = split(names, name, " ")
        for (i = 1; i <= count; i++) {
            cost += $(4 + 2 * i) * 1000 / $1
            parts = parts sprintf(" %s:%.2f", name[i], $(4 + 2 * i) * 1000 / $1)
            if (name[i] == "desktop") kib = $(5 + 2 * i)
        }
        printf "%.4f %.2f %.2f %.3f %d%s\n", cost, $1 / $5, $3 / 1000 / $1, $(4 + 2 * i) * 1000 / $1, kib, parts
    }' <<<"$said" >>"$TEMP/frames.$1"
    say "   $1: $(tail -n 1 "$TEMP/frames.$1") ($said)"
}

# frames_row NAME TITLE LIMIT
frames_row() {
    local ratio
    ratio=$(median_ratio "$(column "$TEMP/frames.ours" 1)" "$(column "$TEMP/frames.$1" 1)")
    record 'a page at 30 fps watched, CPU per frame' "≤ $3 × $2" "$(round 2 "$(middle "$TEMP/frames.ours" 1)") ms" \
        "$2 $(round 2 "$(middle "$TEMP/frames.$1" 1)") ms" "$(round 2 "$ratio")" "$(at_most "$ratio" "$3")"
}

frames_note() {
    local from=$TEMP/frames.$1
    note "frames, $1: $(round 1 "$(middle "$from" 2)") frames/s, $(round 1 "$(middle "$from" 3)") kB per frame;" \
        "Chromium besides $(round 2 "$(middle "$from" 4)") ms. Last round's parts: $(tail -n 1 "$from" | cut -d ' ' -f 6-)."
}

row_frames() {
    local round name page memory
    declare -A DESKTOP_PORT DESKTOP_PIDS DESKTOP_NAMES
    start_nginx "$BENCH/pages"
    page=http://127.0.0.1:$PORT/animation.html
    for name in ours tigervnc x11vnc; do
        "start_$name" "$page"
        keep_desktop "$name"
    done
    for ((round = 0; round < ROUNDS; round++)); do
        for name in ours tigervnc x11vnc; do
            frames_round "$name"
        done
    done
    frames_row tigervnc Xtigervnc 1
    frames_row x11vnc x11vnc 0.5
    memory=$(calc "$(middle "$TEMP/frames.ours" 5) * 1024 / 1e6")
    record 'resident memory of the VNC program, watched' '≤ 20 MB' "$(round 1 "$memory") MB" '' '' "$(at_most "$memory" 20)"
    for name in ours tigervnc x11vnc; do
        frames_note "$name"
    done
}
