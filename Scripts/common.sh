# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the commands in this folder share: the cache, packages, the Swift toolchain. Sourced, never run.

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repository=$(dirname "$scripts")
cache=${CULVERT_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}}/culvert-lab
export scripts repository cache

note() { printf '%s\n' "$*" >&2; }
die() {
    note "${0##*/}: $*"
    exit 2
}

need_root() {
    [ "$(id -u)" = 0 ] || die "needs root: it makes network namespaces and mounts and may install packages" \
        "(run: sudo $0 $*)"
}

# missing_packages NAME...: prints those that dpkg does not know as installed
missing_packages() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
    done
}

# refresh_package_lists: once a day is enough
refresh_package_lists() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mmin -1440 -print -quit 2>/dev/null)" ] ||
        apt-get update -q >&2
}

# install_packages NAME...: installs what is missing with apt-get
install_packages() {
    local -a missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "install these packages first: ${missing[*]}"
    [ "$(id -u)" = 0 ] || die "packages are missing (as root: apt-get install ${missing[*]})"
    note "installing ${missing[*]}"
    refresh_package_lists
    mkdir -p "$cache"
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 \
        "${missing[@]}" >"$cache/apt.log" 2>&1; then
        tail -n 15 "$cache/apt.log" >&2
        die "apt-get could not install: ${missing[*]}"
    fi
}

# fetch_debs FOLDER PACKAGE...: downloads what is not there yet
fetch_debs() {
    local folder=$1 package
    shift
    mkdir -p "$folder"
    for package in "$@"; do
        compgen -G "$folder/${package}_*.deb" >/dev/null ||
            (cd "$folder" && apt-get -o APT::Sandbox::User=root download -qq "$package") ||
            die "cannot download the package $package (apt-get update needed?)"
    done
}

# What building needs besides the toolchain: what Swift links with, what its own programs load, and our libraries.
build_packages=(
    git ca-certificates pkg-config g++ binutils libc6-dev libstdc++-12-dev libgcc-12-dev zlib1g-dev
    libsqlite3-0 libncurses6 libcurl4 libxml2 tzdata
    libssl-dev libnl-3-dev libnl-genl-3-dev libnl-xfrm-3-dev libqrencode-dev
)

# need_swift: installs what building needs, and puts a Swift toolchain of 6.2 or later into PATH or says where to get one
need_swift() {
    local folder version=
    install_packages "${build_packages[@]}"
    for folder in "" "$HOME/.local/share/swiftly/bin" /opt/swift/usr/bin /usr/libexec/swift/bin; do
        [ -z "$folder" ] || [ -x "$folder/swift" ] || continue
        version=$(PATH="${folder:+$folder:}$PATH" swift --version 2>/dev/null |
            sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1) || true
        [ -n "$version" ] || continue
        printf '6.2\n%s\n' "$version" | sort -C -V || continue
        PATH="${folder:+$folder:}$PATH"
        export PATH
        return 0
    done
    note "${0##*/}: no Swift toolchain of version 6.2 or later found${version:+ (found $version)}."
    note "  Debian 12:  the toolchain for Debian 12 from https://www.swift.org/install/linux/ ; unpack it to /opt/swift"
    note "  any Linux:  swiftly, from the same page: swiftly install latest"
    note "  Debian sid: apt-get install swiftlang (a binary built there does not run on Debian 12)"
    note "  Debian 12 has no Swift package, and Debian 13's (6.0) is too old."
    exit 2
}

# build_release PROGRAM...: .build/release/PROGRAM, with the Swift library inside
build_release() {
    need_swift
    local product
    for product in "$@"; do
        (cd "$repository" && swift build -c release --static-swift-stdlib --product "$product") || return 1
    done
}
