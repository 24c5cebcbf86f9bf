#!/bin/sh
# Makes the Dockerfile's base image from Debian's packages, for machines that reach a mirror but no image registry.
#
# The result stands in for Docker Hub's debian:12-slim: Debian 12, minimal variant, security updates applied, no
# documentation or translations. Certificate authorities that this machine's administrator added are trusted in it too.
set -eu

usage() {
    cat <<'TEXT'
usage: image/base-image.sh [TAG]      (as root; TAG is debian:12-slim unless given)

Environment: MIRROR and SECURITY_MIRROR name other Debian mirrors than deb.debian.org; http_proxy is honoured.
TEXT
}

die() {
    echo "base-image: $*" >&2
    exit 1
}

suite=bookworm
mirror=${MIRROR:-http://deb.debian.org/debian}
security_mirror=${SECURITY_MIRROR:-http://deb.debian.org/debian-security}
local_authorities=/usr/local/share/ca-certificates
bundle=/etc/ssl/certs/ca-certificates.crt

in_root() {
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@"
}

has_local_authorities() {
    [ -n "$(find "$local_authorities" -name '*.crt' 2>/dev/null | head -n 1)" ]
}

# What the image needs before its first package can be fetched: certificates, if anything speaks TLS.
first_packages() {
    case $mirror$security_mirror in
    *https:*) echo --include=ca-certificates ;;
    *) ! has_local_authorities || echo --include=ca-certificates ;;
    esac
}

write_apt_settings() {
    cat >"$root/etc/apt/sources.list" <<TEXT
deb $mirror $suite main
deb $mirror $suite-updates main
deb $security_mirror $suite-security main
TEXT
    cat >"$root/etc/apt/apt.conf.d/container" <<'TEXT'
APT::Keep-Downloaded-Packages "false";
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
TEXT
    # Documentation is left out of an image, licences are not.
    cat >"$root/etc/dpkg/dpkg.cfg.d/container" <<'TEXT'
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
TEXT
    # Packages must not start their services while an image is built.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
}

add_local_authorities() {
    has_local_authorities || return 0
    cp -R "$local_authorities/." "$root$local_authorities/"
    in_root update-ca-certificates >/dev/null
}

update_packages() {
    in_root apt-get -q update
    in_root apt-get -q -y upgrade
}

remove_leftovers() {
    in_root apt-get clean
    find "$root/usr/share/doc" -mindepth 2 ! -name copyright ! -type d -delete
    find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
    rm -rf "$root/var/lib/apt/lists" "$root/usr/share/man" "$root/usr/share/info" "$root/usr/share/locale"
    rm -rf "$root/var/cache/ldconfig" "$root/var/log/apt"
    find "$root/tmp" "$root/run" -mindepth 1 ! -type d -delete
    rm -f "$root/var/log/"*.log "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/machine-id"
    mkdir -p "$root/usr/share/man" "$root/usr/share/locale" "$root/var/lib/apt/lists/partial"
    : >"$root/etc/machine-id"
}

# Programs that bring authorities of their own, or look for none, are told by these names where the machine's are.
import_root() {
    set -- --change 'CMD ["bash"]'
    if has_local_authorities; then
        for name in SSL_CERT_FILE NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE PIP_CERT CURL_CA_BUNDLE GIT_SSL_CAINFO; do
            set -- "$@" --change "ENV $name=$bundle"
        done
    fi
    tar -C "$root" --numeric-owner --sort=name -c . | docker import "$@" - "$tag" >/dev/null
}

main() {
    case ${1:-} in
    -*)
        usage
        exit 0
        ;;
    esac
    tag=${1:-debian:12-slim}
    [ "$(id -u)" -eq 0 ] || die "debootstrap needs root: sudo image/base-image.sh $tag"
    docker info >/dev/null 2>&1 || die "no Docker engine answers"
    "$(dirname "$0")/provision.sh" baseimage
    root=$(mktemp -d "${TMPDIR:-/tmp}/base-image.XXXXXX")
    # Should a file system of the chroot still be mounted, it stays out of the removal.
    trap 'rm -rf --one-file-system "$root"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$root"
    # shellcheck disable=SC2046 # one option or none
    debootstrap --variant=minbase $(first_packages) "$suite" "$root" "$mirror" ||
        die "debootstrap could not fetch $suite from $mirror"
    write_apt_settings
    add_local_authorities
    update_packages
    remove_leftovers
    import_root
    echo "base-image: $tag is ready"
}

main "$@"
