#!/bin/bash
# Builds the image and tests it the way a user runs it: as documented, then locked down. Called by `make image-test`.
# Without a Docker engine there is nothing to test; REQUIRE_DOCKER=1 makes that a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

image=sandgate:test
image_without_sudo=sandgate:test-nosudo
key=image-test-$$-$RANDOM
containers=()
container=
url=

remove_containers() {
    [ ${#containers[@]} -eq 0 ] || docker rm --force --volumes "${containers[@]}" >/dev/null
}
trap remove_containers EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "image: FAILED: $*" >&2
    [ -z "$container" ] || docker logs --tail 40 "$container" >&2
    exit 1
}

# check WHAT EXPECTED ACTUAL
check() {
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    echo "image: ok: $1"
}

# within SECONDS WHAT COMMAND...: asks again and again until the command succeeds.
within() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || fail "$what: not in time"
        [ "$(docker inspect -f '{{.State.Running}}' "$container")" = true ] || fail "$what: the container has ended"
        sleep 0.1
    done
    echo "image: ok: $what"
}

is_healthy() {
    [ "$(docker inspect -f '{{.State.Health.Status}}' "$container")" = healthy ]
}

# start IMAGE OPTION...: runs a container on a free loopback port; sets $container and $url.
start() {
    local name=$1
    shift
    container=$(docker run --detach --publish 127.0.0.1::8080 --shm-size 1g --health-interval 1s "$@" "$name")
    containers+=("$container")
    url=http://$(docker port "$container" 8080/tcp | head -n 1) || fail "the container has ended"
    within 60 "answers /healthz" curl --fail --silent --output /dev/null --max-time 5 \
        --header "X-AIO-API-Key: $key" "$url/healthz"
    within 60 "Docker calls it healthy" is_healthy
}

# call PATH JSON: prints the answer's data.
call() {
    curl --fail-with-body --silent --show-error --max-time 30 --header "X-AIO-API-Key: $key" \
        --header 'Content-Type: application/json' --data "$2" "$url$1" |
        jq --compact-output 'if .success then .data else error(.message) end'
}

# run COMMAND: prints what the command wrote to stdout, run through the API.
run() {
    call /v1/bash/exec "$(jq --null-input --arg c "$1" '{command: $c}')" | jq --raw-output .stdout
}

build() {
    docker image inspect debian:12-slim >/dev/null 2>&1 || docker pull --quiet debian:12-slim ||
        image/base-image.sh debian:12-slim
    docker build --tag "$image" .
    docker build --tag "$image_without_sudo" --build-arg SUDO=no .
}

check_processes() {
    check "PID 1 is tini" tini "$(docker exec "$container" cat /proc/1/comm)"
    check "the gateway runs as gem" gem "$(docker exec "$container" ps -o user= -C sandgate)"
    check "commands run as gem" gem "$(run 'id -un')"
}

check_files() {
    local text
    text=$'first line\nL\u00e4ngst vorbei \u2713'
    call /v1/file/write "$(jq --null-input --arg c "$text" \
        '{file: "/home/gem/notes/smoke.txt", content: $c}')" >/dev/null
    check "a file written is the file read" "$text" \
        "$(call /v1/file/read '{"file": "/home/gem/notes/smoke.txt"}' | jq --raw-output .content)"
}

# With a command still running that ignores the polite signal, and whatever the tests before it have started.
check_stop() {
    local begin took
    call /v1/bash/exec '{"command": "trap \"\" TERM; sleep 600 & wait", "async_mode": true}' >/dev/null
    begin=${EPOCHREALTIME/./}
    docker stop --time 20 "$container" >/dev/null
    took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    [ "$took" -le 3000 ] || fail "docker stop took $took ms"
    check "docker stop ends it with exit code 0 (in $took ms)" 0 \
        "$(docker inspect -f '{{.State.ExitCode}}' "$container")"
}

# fetch PATH FILE: the answer's body, and its type on stdout.
fetch() {
    curl --fail --silent --show-error --max-time 60 --header "X-AIO-API-Key: $key" --output "$2" \
        --write-out '%{content_type}' "$url$1"
}

# check_browser SANDBOXED: the first request starts the desktop and Chromium.
check_browser() {
    local file sandboxed=no
    file=$(mktemp)
    check "the browser says where it is" application/json "$(fetch /v1/browser/info "$file" | cut -d ';' -f 1)"
    check "its DevTools are below the gateway's address" yes \
        "$(jq --raw-output --arg prefix "ws://${url#http://}/" \
            'if .data.cdp_url | startswith($prefix) then "yes" else .data.cdp_url end' "$file")"
    check "a screenshot is announced as PNG" image/png "$(fetch /v1/browser/screenshot "$file")"
    check "a screenshot is a PNG" 89504e470d0a1a0a "$(head -c 8 "$file" | od -An -tx1 | tr -d ' \n')"
    rm -f "$file"
    check "Chromium runs as gem" gem "$(docker exec "$container" ps -o user= -C chromium | sort -u)"
    case $(docker exec "$container" ps -o args= -C chromium) in
    *' --no-sandbox'*) ;;
    *) sandboxed=yes ;;
    esac
    check "Chromium has its own sandbox: $1" "$1" "$sandboxed"
}

# The first request starts it; the command is for whoever adds extensions.
check_vscode() {
    local file
    file=$(mktemp)
    curl --fail --silent --show-error --location --max-time 60 --header "X-AIO-API-Key: $key" --output "$file" \
        "$url/code-server"
    check "VS Code's page opens the workspace" 1 "$(grep -c vscode-workbench-web-configuration "$file")"
    rm -f "$file"
    check "the code-server command runs" 0 "$(run 'code-server --list-extensions >/dev/null 2>&1; echo $?')"
}

# The kernel with its libraries, the stateful Node, and JupyterLab's page.
check_jupyter() {
    local file
    check "a kernel plots" image/png "$(call /v1/jupyter/execute \
        "$(jq --null-input '{code: "import numpy, pandas\n%matplotlib inline\nimport matplotlib.pyplot as p\np.plot([1, 2]); p.show()"}')" |
        jq --raw-output '[.outputs[].data // {} | keys[]] | map(select(. == "image/png")) | first')"
    check "Node runs" 42 "$(call /v1/nodejs/execute '{"code": "console.log(6 * 7)"}' | jq --raw-output .stdout | head -n 1)"
    file=$(mktemp)
    curl --fail --silent --show-error --location --max-time 60 --header "X-AIO-API-Key: $key" --output "$file" "$url/jupyter/lab"
    check "JupyterLab's page comes" 1 "$(grep -c jupyter-config-data "$file")"
    rm -f "$file"
}

print_figures() {
    local bytes rss
    bytes=$(docker image inspect -f '{{.Size}}' "$image")
    rss=$(docker exec "$container" ps -o rss= -C sandgate)
    echo "image: size $((bytes / 1000000)) MB, gateway RSS idle $((rss / 1024)) MiB"
}

test_as_documented() {
    echo "image: as documented"
    start "$image"
    print_figures
    check_processes
    check "gem may become root" root "$(run 'sudo -n id -un')"
    check_files
    SANDGATE_URL=$url tests/run.sh api sdk || fail "the API's and the SDKs' tests"
    SANDGATE_URL=$url PYTEST_ARGS='-k test_tour' tests/run.sh e2e || fail "the tour of the dashboard"
    check_browser no
    check_vscode
    check_jupyter
    check_stop
}

test_with_seccomp_profile() {
    echo "image: with image/seccomp.json"
    start "$image" --security-opt seccomp=image/seccomp.json
    check_browser yes
    check_vscode
    check_jupyter
    check "mounting stays refused" refused "$(run 'sudo mount -t tmpfs none /mnt 2>/dev/null && echo done || echo refused')"
    check_stop
}

test_locked_down() {
    echo "image: read-only root, no capabilities, no sudo, an API key"
    check "SUDO=no leaves gem no way to root" refused "$(docker run --rm --entrypoint sh "$image_without_sudo" \
        -c 'sudo -n true 2>/dev/null && echo root || echo refused')"
    start "$image_without_sudo" --read-only --cap-drop ALL --security-opt no-new-privileges \
        --tmpfs /tmp:exec --tmpfs /run --tmpfs /home/gem:exec,uid=1000,gid=1000 --env "SANDBOX_API_KEY=$key"
    check_processes
    check "without the key nothing runs" 401 "$(curl --silent --output /dev/null --write-out '%{http_code}' \
        --header 'Content-Type: application/json' --data '{"command": "true"}' "$url/v1/bash/exec")"
    check "commands go before the gateway when memory runs out" 500 "$(run 'cat /proc/self/oom_score_adj')"
    check "the root is read-only" refused "$(run 'touch /usr/local/bin/x 2>/dev/null && echo written || echo refused')"
    # shellcheck disable=SC2016 # the container's shell is to expand it
    check "commands do not find the key in any environment" 0 \
        "$(run 'cat /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n" | grep -c SANDBOX_API_KEY=image-test')"
    check_files
    check_browser no
    check_vscode
    check_jupyter
    check_stop
}

main() {
    if ! docker info >/dev/null 2>&1; then
        echo "image: no Docker engine answers, so the image is not tested" >&2
        [ "${REQUIRE_DOCKER:-}" != 1 ]
        return
    fi
    image/provision.sh test
    build
    test_as_documented
    test_with_seccomp_profile
    test_locked_down
    echo "image: all passed"
}

main "$@"
