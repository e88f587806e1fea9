# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The guest's kernel: Debian's current image, unpacked into the cache. Nothing is installed. Sourced by Scripts/lab.

kernel_folder=$cache/kernel

# kernel_version: the unpacked one, or nothing
kernel_version() {
    local image
    image=$(find "$kernel_folder/boot" -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -n 1)
    printf '%s\n' "${image##*/vmlinuz-}"
}

prepare_kernel() {
    [ ! -e "$kernel_folder/complete" ] || return 0
    local package architecture
    architecture=$(dpkg --print-architecture)
    refresh_package_lists
    package=$(apt-cache depends "linux-image-$architecture" | awk '/Depends: linux-image-/{print $2; exit}')
    [ -n "$package" ] || die "apt-cache knows no linux-image-$architecture"
    note "fetching the guest's kernel: $package"
    mkdir -p "$kernel_folder"
    fetch_debs "$cache/deb/kernel" "$package"
    # What no virtual machine of ours drives stays packed: a third of the size is left.
    dpkg-deb --fsys-tarfile "$cache/deb/kernel/$package"_*.deb | tar -x --keep-directory-symlink -C "$kernel_folder" \
        --exclude='*/kernel/sound/*' --exclude='*/drivers/gpu/*' --exclude='*/drivers/media/*' \
        --exclude='*/drivers/infiniband/*' --exclude='*/net/wireless/*' --exclude='*/drivers/staging/*' \
        --exclude='*/drivers/iio/*' --exclude='*/drivers/net/ethernet/*' --exclude='*/drivers/scsi/*'
    depmod -b "$kernel_folder" "$(kernel_version)"
    touch "$kernel_folder/complete"
}
