#!/bin/sh
# Makes the image's user `gem`, who may install Python and Node packages for itself. The Dockerfile runs it, as root.
set -eu

may_sudo=${1:?usage: image/user.sh yes|no}

make_user() {
    useradd --create-home --uid 1000 --shell /bin/bash gem
    case $may_sudo in
    yes) (umask 337 && echo 'gem ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/gem) ;;
    no) ;;
    *)
        echo "SUDO is yes or no, not '$may_sudo'" >&2
        exit 1
        ;;
    esac
}

# `pip install` and `npm install --global` put things under ~/.local: this computer is the user's own, no
# package manager of the system is in the way of that.
settle_package_managers() {
    printf '[global]\nbreak-system-packages = true\n' >/etc/pip.conf
    npm=/usr/local/lib/node_modules/npm
    # shellcheck disable=SC2016 # npm itself puts the home in
    echo 'prefix=${HOME}/.local' >"$npm/npmrc"
    ln -s "$npm/bin/npm-cli.js" /usr/local/bin/npm
    ln -s "$npm/bin/npx-cli.js" /usr/local/bin/npx
}

# PID 1 and the health probe are started with the container's environment, the API key in it. The kernel hides the
# environment of a program that its user may run but not read, so commands cannot fetch the key from there.
hide_environments() {
    chmod 711 /usr/bin/tini
    install -m 711 /usr/bin/curl /usr/local/share/sandgate/probe
}

make_user
settle_package_managers
hide_environments
