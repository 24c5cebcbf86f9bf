# shellcheck shell=bash
# download: one file of 1 GiB, in the page cache, read by the same client from both servers.

# download_round PID PORT PATH BYTES: sets TAKEN (seconds) and COST (CPU seconds of the server).
download_round() {
    local before after
    before=$(field 2 "$(usage_of "$1")")
    TAKEN=$("$BUILD/download" "$2" "$3" "$4")
    after=$(field 2 "$(usage_of "$1")")
    COST=$(calc "$after - $before")
}

row_download() {
    local round nginx nginx_port gateway gateway_port file path ours=() theirs=() our_cost=() their_cost=() ratio
    local bytes=$((1 << 30))
    start_gateway
    gateway=$PID gateway_port=$PORT
    file=$GATEWAY_WORKSPACE/big
    head -c "$bytes" /dev/urandom >"$file" # written just now, so cached
    path="/v1/file/download?path=$file"
    start_nginx "$GATEWAY_WORKSPACE"
    nginx=$PID nginx_port=$PORT
    download_round "$nginx" "$nginx_port" /big "$bytes" # warm-up
    download_round "$gateway" "$gateway_port" "$path" "$bytes"
    for ((round = 0; round < ROUNDS; round++)); do
        download_round "$nginx" "$nginx_port" /big "$bytes"
        theirs+=("$TAKEN") their_cost+=("$COST")
        download_round "$gateway" "$gateway_port" "$path" "$bytes"
        ours+=("$TAKEN") our_cost+=("$COST")
    done
    ratio=$(median_ratio "${theirs[*]}" "${ours[*]}")
    record '1 GiB download, throughput' '≥ 0.8 × nginx' "$(round 2 "$(calc "1 / $(median "${ours[@]}")")") GiB/s" \
        "nginx $(round 2 "$(calc "1 / $(median "${theirs[@]}")")") GiB/s" "$(round 2 "$ratio")" \
        "$(at_least "$ratio" 0.8)"
    note "download: $(round 2 "$(median "${our_cost[@]}")") s of CPU per GiB; nginx $(round 2 "$(median "${their_cost[@]}")") s."
}
