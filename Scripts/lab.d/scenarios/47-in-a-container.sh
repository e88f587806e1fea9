# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# In a container of podman's with no more than Docs/Containers.md gives it, and podman's own seccomp profile.
# boot: refusals
one_client
culvert_configure gw
on gw sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"

# this machine's files and the two programs: an image would have to come from a registry
place=$nodes/container
files_add container
mkdir -p "$place"/root/{etc,run}/culvert
cp $stage/culvertd $stage/culvertctl "$place/root/usr/bin/"
[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || mount -t cgroup2 cgroup2 /sys/fs/cgroup

podman() {
    command podman --root "$place/store" --runroot "$place/run" --tmpdir "$place/tmp" --runtime crun \
        --cgroup-manager cgroupfs --events-backend none "$@"
}
# podman exec would land in the root of the guest, of which the lab is a part
inside() { nsenter --target "$process" --mount --net --pid --root --wd "$@"; }
culvert_get() { inside curl -s --unix-socket $culvert_socket "http://localhost$1"; }
is_ready() { grep -q 'control ready' "$logs/gw/culvertd.log"; }
# of FIELD: of its process, as the kernel has it
of() { sed -n "s/^$1:\t*//p" "/proc/$process/status"; }

require "podman starts it" podman run --name culvert --detach \
    --cap-drop all --cap-add NET_ADMIN --cap-add NET_BIND_SERVICE --device /dev/ppp \
    --network ns:/run/netns/gw --volume "$(root_of gw)/etc/culvert:/etc/culvert:ro" \
    --env PATH=/usr/bin --log-driver k8s-file --log-opt "path=$logs/gw/culvertd.log" \
    --rootfs "$place/root" culvertd --config /etc/culvert/culvert.yaml
require "it is ready" wait_for 60 is_ready
process=$(podman inspect --format '{{.State.Pid}}' culvert)
check_equal "NET_ADMIN is what it has kept" 0000000000001000 "$(of CapEff)"
check_equal "and with NET_BIND_SERVICE all that it could have" 0000000000001400 "$(of CapBnd)"
check_equal "a seccomp profile is in force" 2 "$(of Seccomp)"
check "it has its own devices" test -e "/proc/$process/root/dev/ppp" -a ! -e "/proc/$process/root/dev/kmsg"
require "the client connects" client_connect client $gateway_address
check "ping through the call" pings client 10.99.0.1
move_data client=200000
check "culvertctl in the container shows the call" grep -q alice <(inside culvertctl sessions)
check "podman stops it" podman stop --time 30 culvert
check "the client heard a goodbye" wait_for 15 ppp_gone client
check_equal "it ended with status 0" 0 "$(podman inspect --format '{{.State.ExitCode}}' culvert)"
kernel_clean gw
nothing_in_clear gw
