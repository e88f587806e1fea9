# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Boots the guest: Debian's kernel under QEMU by virtme-ng, on the host's own root, read-only. Sourced by Scripts/lab.

prepare_guest() {
    [ "$(uname -m)" = x86_64 ] || die "the guest is made for x86_64; on $(uname -m) use Scripts/lab --here on a kernel with the modules"
    # virtme-ng wants file, and busybox for its initramfs
    local -a need=(busybox-static file kmod util-linux procps)
    command -v qemu-system-x86_64 >/dev/null || need+=(qemu-system-x86)
    command -v python3 >/dev/null || need+=(python3)
    install_packages "${need[@]}"
    prepare_virtme
    prepare_kernel
    prepare_packages
}

# prepare_virtme: sets $vng; installs virtme-ng with pip into the cache if the machine has none
prepare_virtme() {
    vng=$(command -v vng || true)
    [ -z "$vng" ] || return 0
    # vng calls its siblings by name
    PATH=$cache/venv/bin:$PATH
    vng=$cache/venv/bin/vng
    [ ! -x "$vng" ] || return 0
    install_packages python3 python3-venv
    note "installing virtme-ng with pip"
    mkdir -p "$cache"
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install -q virtme-ng >&2 || die "pip could not install virtme-ng"
}

# A /dev/kvm alone proves nothing: nested hosts have one that runs no stock kernel.
kvm_works() { [ -w /dev/kvm ] && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }; }

# virtme QEMU-OPTIONS COMMAND...: runs the command as root in the guest. The kernel's modules are put under
# /lib/modules in a mount namespace that only QEMU lives in.
virtme() {
    local options=$1 version
    shift
    version=$(kernel_version)
    local -a arguments=(--run "$kernel_folder/boot/vmlinuz-$version" --disable-monitor --cwd /
        --cpus "${LAB_CPUS:-1}" --memory "${LAB_MEMORY:-1536M}" "--rwdir=$out")
    kvm_works || arguments+=(--disable-kvm)
    # overlayfs refuses layers that contain each other: the packages come over a share of their own
    options+=" -fsdev local,id=peers,path=$cache/pkg/peers,security_model=none,readonly=on,multidevs=remap"
    options+=" -device virtio-9p-pci,fsdev=peers,mount_tag=culvertpeers"
    mkdir -p /usr/lib/modules
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        mount --bind "$1" /usr/lib/modules; shift; exec "$@"' - "$kernel_folder/lib/modules" \
        "$vng" "${arguments[@]}" "--qemu-opts=$options" -- "$@"
}

# boot_guest BOOT SCENARIO-FILE...: one boot, its scenarios one after the other, verdicts as they come
boot_guest() {
    local boot=$1 limit=180 file name printed=0 options= begin=$SECONDS
    local LAB_BOOT=$boot verdicts=$verdicts-$boot
    shift
    : >"$verdicts"
    for file in "$@"; do
        limit=$((limit + ${LAB_TIMEOUT:-$((2 * $(scenario_header "$file" timeout 360)))} + 30))
        # one processor whose clock counts instructions: deterministic, immune to the host's load
        [ "$(scenario_header "$file" clock wall)" != instructions ] || options="-icount shift=0"
    done
    {
        printf '#!/bin/bash\n'
        # what a scenario is told from outside
        for name in ${!LAB_*}; do printf 'export %s=%q\n' "$name" "${!name}"; done
        printf 'exec %q' "$scripts/lab.d/run-scenarios"
        printf ' %q' "$repository" "$out" "$out/bin" guest "$@"
        printf ' >%q 2>&1 </dev/null\n' "$out/boot-$boot.log"
    } >"$out/boot-$boot.sh"
    chmod +x "$out/boot-$boot.sh"
    # vng's exit status and output are not the command's: both come through files
    (virtme "$options" "$out/boot-$boot.sh") </dev/null >"$out/boot-$boot.console" 2>&1 &
    local guest=$!
    while kill -0 "$guest" 2>/dev/null; do
        show_verdicts
        if [ $((SECONDS - begin)) -gt "$limit" ]; then
            note "the guest of boot $boot is ended after ${limit} s"
            end_tree "$guest"
        fi
        sleep 1
    done
    wait "$guest" || true
    show_verdicts
    note "boot $boot: $((SECONDS - begin)) s"
}

# show_verdicts: what came since the last call; uses the caller's $printed
show_verdicts() {
    local line name
    while IFS= read -r line; do
        printed=$((printed + 1))
        printf '%s\n' "$line"
        case $line in "not ok "*)
            name=${line#not ok }
            show_failure "${name%%:*}"
            ;;
        esac
    done < <(grep -E '^(ok|not ok) ' "$verdicts" | tail -n +$((shown_verdicts + 1)))
    shown_verdicts=$((shown_verdicts + printed))
    printed=0
}
shown_verdicts=0

# end_tree PID: ends a process of ours and its children
end_tree() {
    local child
    for child in $(pgrep -P "$1"); do end_tree "$child"; done
    kill -KILL "$1" 2>/dev/null || true
}

guest_shell() {
    mkdir -p "$out"
    virtme "" bash -l
}
