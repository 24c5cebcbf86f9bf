#!/bin/sh
# Installs the Debian packages Sandgate needs, by group; shared by the Dockerfile and a bare Debian 12 machine.
# Where nothing is missing it says nothing and touches no network.
set -eu

usage() {
    cat <<'TEXT'
usage: image/provision.sh [--list] GROUP...

  build      compile the gateway and bundle the web pages
  runtime    what the running gateway calls: libraries, shells, search
  desktop    what the services of the desktop run: X server, browser, fonts, recorder
  jupyter    Debian's Jupyter, where JupyterLab cannot be had from PyPI (see services/jupyter/install)
  computer   what a person or an agent expects of the computer besides (the image has it)
  test       lint and tests, on top of build, runtime and desktop
  bench      what the speed table compares with, on top of test
  baseimage  what image/base-image.sh needs

--list prints the packages of the groups, one a line, and installs nothing.
ASSUME_YES=1 installs without asking; without a terminal nobody is asked either.
TEXT
}

die() {
    echo "provision: $*" >&2
    exit 1
}

packages_of() {
    case $1 in
    build)
        echo gcc libc6-dev make pkg-config ca-certificates
        # Of VS Code two modules are C++, built by a tool in Python.
        echo g++ binutils python3
        echo libmicrohttpd-dev libwebsockets-dev libcjson-dev libuv1-dev libsqlite3-dev libssl-dev
        echo libvncserver-dev libx11-dev libxdamage-dev libxfixes-dev libxrandr-dev libxtst-dev
        echo libjpeg62-turbo-dev libdeflate-dev libxxhash-dev zlib1g-dev
        # JupyterLab is installed by pip into an environment of its own.
        echo python3 python3-venv
        node_packages
        ;;
    runtime)
        # The libuv plugin of libwebsockets is loaded by name at run time; no other package asks for it.
        echo libmicrohttpd12 libwebsockets17 libwebsockets-evlib-uv libcjson1 libuv1 libsqlite3-0 libssl3
        echo bash ripgrep procps tzdata python3
        # VS Code runs on a Node.js of its own.
        echo "libstdc++6"
        ;;
    desktop)
        echo xvfb openbox xauth util-linux x11-utils
        echo libvncserver1 libx11-6 libxdamage1 libxfixes3 libxrandr2 libxtst6
        echo libjpeg62-turbo libdeflate0 zlib1g
        # Without chromium-l10n CHROME_UI_LANG knows English alone.
        echo chromium chromium-l10n ffmpeg
        # Pages name DejaVu and Liberation (Arial, Times, Courier); Noto has the world's scripts and emoji.
        echo fonts-dejavu-core fonts-liberation fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
        ;;
    jupyter)
        echo jupyter-notebook python3-ipykernel python3-numpy python3-pandas python3-matplotlib
        ;;
    computer)
        echo tini sudo ca-certificates curl wget git openssh-client rsync
        echo vim-tiny nano less file jq tree patch bzip2 xz-utils zip unzip
        echo iproute2 iputils-ping lsof psmisc ncurses-term
        echo python3 python3-pip python3-venv python-is-python3 nodejs
        ;;
    test)
        echo clang clang-format clang-tidy libclang-rt-14-dev cppcheck
        echo python3 python3-venv x11-utils
        echo nginx-light openssl wrk curl jq brotli git vim procps psmisc
        echo xclip x11-xserver-utils libx11-dev
        ;;
    bench)
        echo cmake libjson-c-dev zlib1g-dev
        # The desktop's peers, and what their viewer and the window it watches are built with.
        echo tigervnc-standalone-server x11vnc websockify xvfb openbox
        echo libjpeg62-turbo-dev libx11-dev
        ;;
    baseimage)
        echo debootstrap debian-archive-keyring
        ;;
    *)
        die "there is no group '$1'; --help names them"
        ;;
    esac
}

# Node.js comes from wherever the user already has it; replacing it by an older one would do harm.
node_packages() {
    major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
    if [ -z "$major" ]; then
        echo nodejs npm
    elif [ "$major" -lt 18 ]; then
        die "$(command -v node) is version $major and 18 is needed: put a newer one first in PATH, or none"
    elif ! command -v npm >/dev/null; then
        echo npm
    fi
}

# Prints the given packages that are not installed.
missing_of() {
    installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^[a-z]i *//p')
    printf '%s\n' "$@" | grep -vxF "$installed" || true
}

is_debian_12() (
    [ -r /etc/os-release ] || exit 1
    # shellcheck source=/dev/null
    . /etc/os-release
    [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ]
)

# How to become root: nothing, sudo with its password prompt, or sudo that must not ask. Sets $root.
choose_root() {
    by_hand="as root, run: apt-get install --no-install-recommends $*"
    root=
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "packages are missing and there is no sudo; $by_hand"
    if [ -t 0 ] && [ -t 2 ]; then
        root=sudo
        [ "${ASSUME_YES:-}" = 1 ] || ask_for_sudo
    else
        root='sudo -n'
        $root true 2>/dev/null || die "packages are missing and sudo wants a password; $by_hand"
    fi
}

ask_for_sudo() {
    printf 'Install them with sudo apt-get? [Y/n] ' >&2
    read -r answer || answer=n
    case $answer in
    '' | [Yy]*) ;;
    *) die "nothing was installed" ;;
    esac
}

apt_get() {
    # Another apt on the machine is waited for, not fought.
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

install_packages() {
    echo "provision: to be installed: $*" >&2
    choose_root "$@"
    # One unreachable third-party source fails the update, yet says nothing about the packages wanted here.
    apt_get update || echo "provision: apt-get update failed; trying with the package lists at hand" >&2
    apt_get install -y --no-install-recommends "$@" || die "apt-get could not install: $*"
}

main() {
    case ${1:-} in
    '' | -h | --help)
        usage
        [ $# -gt 0 ] || exit 2
        exit 0
        ;;
    esac
    list=
    if [ "$1" = --list ]; then
        list=yes
        shift
    fi
    packages=
    for group in "$@"; do
        names=$(packages_of "$group")
        packages="$packages $names"
    done
    # Package names hold no blanks: splitting them at blanks is meant, here and below.
    # shellcheck disable=SC2086
    packages=$(printf '%s\n' $packages | sort -u)
    if [ -n "$list" ]; then
        echo "$packages"
        return
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        die "this needs Debian 12 with apt; elsewhere use the Dockerfile"
    fi
    # shellcheck disable=SC2086
    missing=$(missing_of $packages | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    is_debian_12 || die "this is not Debian 12, and by Debian 12's names there is missing: $missing"
    # shellcheck disable=SC2086
    install_packages $missing
}

main "$@"
