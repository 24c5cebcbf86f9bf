# shellcheck shell=bash
# jupyter: code in a kernel that runs already, beside the same kernel behind a Jupyter server of its own, whose
# WebSocket is the other way to speak to one (bench/jupyter_server.py); and what a first call takes.

row_jupyter() {
    local python=$SERVICES/jupyter/installed/bin/python code lines body bulk first from till peer
    [[ -x $python ]] || fail "no JupyterLab in $SERVICES (make services installs it)"
    code='{"session_id":"bench","code":"1+1"}'
    lines='for i in range(10000): print(\"y\" * 99)'
    start_gateway
    from=${EPOCHREALTIME//./}
    "$BUILD/latency" "$PORT" /v1/jupyter/execute '{"session_id":"first","code":"1+1"}' '"text/plain"' 1 >/dev/null
    till=${EPOCHREALTIME//./}
    first=$(calc "($till - $from) / 1000")
    body=$("$BUILD/latency" "$PORT" /v1/jupyter/execute "$code" '"status":"ok"' 1000)
    bulk=$("$BUILD/latency" "$PORT" /v1/jupyter/execute "{\"session_id\":\"bench\",\"code\":\"$lines\"}" '"status":"ok"' 30)
    peer=$("$python" "$BENCH/jupyter_server.py" "$TEMP") || fail "the Jupyter server could not be measured: $peer"
    record '/v1/jupyter/execute of 1+1 in a warm session, p50' '≤ 6 ms' "$(field 1 "$body") ms" \
        "Jupyter server $(field 1 "$peer") ms" "$(round 2 "$(calc "$(field 1 "$body") / $(field 1 "$peer")")")" \
        "$(at_most "$(field 1 "$body")" 6)"
    record '/v1/jupyter/execute, 1 MB printed in 10000 lines, p50' '≤ 60 ms' "$(field 1 "$bulk") ms" \
        "Jupyter server $(field 2 "$peer") ms" "$(round 2 "$(calc "$(field 1 "$bulk") / $(field 2 "$peer")")")" \
        "$(at_most "$(field 1 "$bulk")" 60)"
    note "jupyter: 1+1 p90 $(field 2 "$body") ms, p99 $(field 3 "$body") ms; 1 MB p90 $(field 2 "$bulk") ms; the very" \
        "first two calls, a kernel's start included, $(round 0 "$first") ms; the Jupyter server itself takes" \
        "$(field 3 "$peer") MB, which agents do without."
}
