# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A real systemd as the first process of a node: what it starts, watches, reloads and stops is seen as on a machine.
# It has the node's files, network and /run, namespaces of its own for all else, and starts nothing that we did not ask
# for but journald.

# systemd_start NODE: boots it; true when it is up. Ends the scenario otherwise.
systemd_start() {
    local node=$1 root=$nodes/$1/root groups=/run/culvert-lab/cgroup folder
    require "systemd is on this machine" test -x "$root/usr/lib/systemd/systemd"
    # What a distribution starts by default stays off; a unit is started by who asks for it by name.
    for folder in "$root"/{usr/lib,etc}/systemd/system; do rm -rf "$folder"/*.{wants,requires,upholds}; done
    rm -rf "$root"/usr/lib/systemd/system-{generators,environment-generators} "$root"/etc/systemd/system-generators
    rm -f "$root"/etc/fstab "$root"/usr/sbin/policy-rc.d "$root"/usr/lib/systemd/system/*.automount
    mkdir -p "$root"/etc/systemd/{system/sockets.target.wants,journald.conf.d,system.conf.d} "$root"/var/{lib/systemd,tmp}
    for folder in systemd-journald.socket systemd-journald-dev-log.socket; do
        ln -sf /lib/systemd/system/$folder "$root/etc/systemd/system/sockets.target.wants/$folder"
    done
    # no host's watchdog, no flush to a disk, no limit on what a scenario may want to read
    printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
    printf '[Manager]\nDefaultTimeoutStartSec=180\nShowStatus=no\n' >"$root/etc/systemd/system.conf.d/lab.conf"
    printf '%032x\n' "$(cksum <<<"$node" | cut -d ' ' -f 1)" >"$root/etc/machine-id"

    mountpoint -q $groups || { mkdir -p $groups && mount -t cgroup2 cgroup2 $groups; }
    echo "+memory +pids +cpu" >$groups/cgroup.subtree_control
    # the group is not the scenario's to leave behind
    mkdir -p "$groups/culvert-lab-$node"
    : >"$logs/$node/systemd.log"
    # shellcheck disable=SC2016
    setsid nsenter --net="/run/netns/$node" \
        unshare --pid --fork --kill-child --mount --uts --ipc --propagation private bash -c '
            echo 0 >"$2/cgroup.procs"
            exec unshare --cgroup bash -c "$3" - "$1" "$4"' - \
        "$root" "$groups/culvert-lab-$node" '
            set -e
            cd "$1"
            hostname "$2"
            echo "$2" >etc/hostname
            umount -l proc sys dev
            mount -t proc proc proc
            mount -t sysfs sysfs sys
            mkdir -p sys/fs/cgroup
            mount -t cgroup2 cgroup2 sys/fs/cgroup
            # its own /dev, or journald would put its socket into everybody'"'"'s
            mkdir -p /tmp/devices
            mount --rbind /dev /tmp/devices
            mount -t tmpfs -o mode=755 dev dev
            for name in null zero full random urandom tty ppp net/tun; do
                [ -e /tmp/devices/$name ] || continue
                mkdir -p "dev/${name%/*}" 2>/dev/null || true
                [ -d "dev/$name" ] && rmdir "dev/$name"
                cp -a /tmp/devices/$name dev/$name
            done
            mkdir -p dev/pts dev/shm
            mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
            ln -s pts/ptmx dev/ptmx
            for name in fd:self/fd stdin:self/fd/0 stdout:self/fd/1 stderr:self/fd/2; do
                ln -s "/proc/${name#*:}" "dev/${name%%:*}"
            done
            mount -t tmpfs -o mode=1777 shm dev/shm
            # what it mounts for a unit (credentials) must come back to it, as in any container
            mount --make-rshared .
            export container=culvert-lab
            exec chroot . /usr/lib/systemd/systemd --system --unit=multi-user.target' "$node" \
        >>"$logs/$node/systemd.log" 2>&1 </dev/null &
    echo $! >"$nodes/$node/systemd.pid"
    if ! wait_for 60 systemd_is_up "$node"; then
        tail -n 20 "$logs/$node/systemd.log"
        systemd_run "$node" systemctl --no-pager list-jobs
        fail "systemd is up on $node: $(systemd_run "$node" systemctl is-system-running 2>&1)"
        systemd_stop "$node"
        finish
    fi
    say "systemd is up on $node"
}
systemd_is_up() { [[ $(systemd_run "$1" systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]; }

# systemd_process NODE: its process, seen from here
systemd_process() { pgrep -P "$(pid_of "$1" systemd)"; }

# systemd_run NODE COMMAND...: runs a command among systemd's processes, where systemctl and journalctl work
systemd_run() {
    local process
    process=$(systemd_process "$1") || return 1
    shift
    nsenter --target "$process" --mount --uts --ipc --net --pid --cgroup --root --wd "$@"
}

# unit_is NODE UNIT STATE: active, inactive, failed, …
unit_is() { [ "$(systemd_run "$1" systemctl is-active "$2")" = "$3" ]; }
# unit_value NODE UNIT PROPERTY
unit_value() { systemd_run "$1" systemctl show --value --property "$3" "$2"; }
# unit_log NODE UNIT: what it wrote to the journal so far
unit_log() { systemd_run "$1" journalctl --no-pager --quiet --output cat --unit "$2"; }
unit_log_has() { unit_log "$1" "$2" | grep -qF -- "$3"; }

# systemd_stop NODE: stops every unit and ends it. The journal is kept in NODE/journal.log.
systemd_stop() {
    local node=$1 process
    process=$(systemd_process "$node") || return 0
    systemd_run "$node" journalctl --no-pager --quiet >"$logs/$node/journal.log" 2>&1
    # SIGRTMIN+3: halt, as container managers ask for it
    kill -s RTMIN+3 "$process"
    if ! wait_for 20 not kill -0 "$process"; then
        fail "systemd on $node ends"
        kill -KILL "$process"
    fi
    wait "$(pid_of "$node" systemd)" 2>/dev/null
    rmdir /run/culvert-lab/cgroup/culvert-lab-"$node" 2>/dev/null
    return 0
}
