# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Package sets: the peers and tools as unpacked Debian packages. The guest lays them over the host's root, so nothing is
# installed on the host. With --here the same packages are installed instead. Sourced by Scripts/lab.

peer_packages=(
    curl xl2tpd ppp iperf3 nftables conntrack tcpdump iputils-ping iproute2 procps netbase kmod
    strongswan-charon strongswan-swanctl strongswan-libcharon libstrongswan libstrongswan-standard-plugins
    libcharon-extra-plugins podman crun
)
# what the host already has in a form that must not be shadowed by an unpacked copy
never_unpacked='^(systemd.*|lib(nss|pam)-systemd|libsystemd.*|udev|libudev1|tpm-udev|libc6|libc-bin|dbus.*|perl.*|libperl.*|init-system-helpers|adduser|passwd|base-.*|debconf)$'

# prepare_packages: $cache/pkg/peers, an overlay layer
prepare_packages() {
    local layer=$cache/pkg/peers folder=$cache/deb/peers package
    # the list is remembered: another one makes another layer
    [ "$(cat "$layer.complete" 2>/dev/null)" != "${peer_packages[*]}" ] || return 0
    local -a dependencies all
    refresh_package_lists
    # what apt would add; the packages themselves may be installed here already and are unpacked all the same
    mapfile -t dependencies < <(apt-get -s install --no-install-recommends "${peer_packages[@]}" |
        awk '/^Inst /{print $2}' | grep -Ev "$never_unpacked")
    mapfile -t all < <(printf '%s\n' "${peer_packages[@]}" "${dependencies[@]}" | sort -u)
    note "fetching the peers: ${#all[@]} packages"
    rm -rf "$layer"
    mkdir -p "$layer"/usr/{bin,sbin,lib,lib64}
    fetch_debs "$folder" "${all[@]}"
    # merged /usr: these must stay links, or the layer would hide the host's /lib
    for package in bin sbin lib lib64; do ln -s "usr/$package" "$layer/$package"; done
    for package in "${all[@]}"; do
        dpkg-deb --fsys-tarfile "$folder/${package}"_*.deb | tar -x --keep-directory-symlink -C "$layer" \
            --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*'
    done
    printf '%s\n' "${peer_packages[*]}" >"$layer.complete"
}

# prepare_here: the same packages, installed; their services stay off, the scenarios start what they need
prepare_here() {
    local -a missing
    mapfile -t missing < <(missing_packages "${peer_packages[@]}")
    if [ ${#missing[@]} -gt 0 ]; then
        install_packages "${missing[@]}"
        if [ -d /run/systemd/system ]; then
            systemctl disable --now strongswan-starter.service strongswan.service xl2tpd.service 2>/dev/null || true
        fi
    fi
}
