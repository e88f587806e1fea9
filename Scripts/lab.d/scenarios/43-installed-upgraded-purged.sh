# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The Debian package under a real systemd: installed, dialled into, upgraded (refused once, then done), removed, purged.
# boot: package
# package: yes
# timeout: 900
one_client
root=$(root_of gw)
upper=$nodes/gw/upper

# what the node has of its own
own_files() { (cd "$upper" && find . -printf '%P\n' | sort); }
accounts() { on gw cat /etc/passwd /etc/shadow /etc/group /etc/gshadow | sort; }
# left_over: what is there now and was not before, but for the package manager's own books. A folder that the machine
# always had comes into the upper layer with the first file below it.
left_over() {
    local path
    own_files | comm -13 "$nodes/before" - | while read -r path; do
        case $path in
        var/lib/dpkg/* | var/cache/* | var/log/* | var/lib/systemd/* | root/* | sink) ;;
        # compared by content
        etc/passwd* | etc/group* | etc/shadow* | etc/gshadow* | etc/sub?id* | etc/.pwd.lock) ;;
        *)
            if [ -c "$upper/$path" ]; then
                printf 'removed: %s\n' "$path"
            elif [ ! -d "$upper/$path" ] || [ ! -d "/run/culvert-lab/host/$path" ] && [ ! -d "/run/culvert-lab/peers/$path" ]; then
                printf '%s\n' "$path"
            fi
            ;;
        esac
    done
}
# package ARGUMENT...: dpkg in the node, what it says is kept
package() { systemd_run gw env DEBIAN_FRONTEND=noninteractive dpkg "$@" >>"$logs/gw/package.log" 2>&1; }
culvertctl() { systemd_run gw culvertctl "$@"; }
secrets() { on gw sha256sum /etc/culvert/psk /etc/culvert/users.yaml /etc/culvert/culvert.yaml; }
main_process() { unit_value gw culvertd.service MainPID; }
dials_in() {
    require "the client connects" client_connect client $gateway_address "psk=$(on gw cat /etc/culvert/psk)"
    check "ping through the call" pings client 10.99.0.1 3
}

systemd_start gw
# rebuilding the index of all manuals is not what is tested here
rm -f "$root/var/lib/man-db/auto-update"
first=$(find $stage -name 'culvert_*.deb' ! -name 'culvert_*+*')
second=$(find $stage -name 'culvert_*+*.deb')
require "there are two packages" test -n "$first" -a -n "$second"
own_files >"$nodes/before"
accounts_before=$(accounts)

t0=$(now_ms)
require "the package is installed" package -i "$first"
say "installed after $(($(now_ms) - t0)) ms"
require "the service is ready" unit_is gw culvertd.service active
check_equal "it starts with the machine" enabled "$(systemd_run gw systemctl is-enabled culvertd.service)"
check_equal "the key is root's alone" 600 "$(on gw stat -c %a /etc/culvert/psk)"
check_equal "the users are root's alone" 600 "$(on gw stat -c %a /etc/culvert/users.yaml)"
check "the key is random" grep -qE '^([a-km-np-z2-9]{5}-){4}[a-km-np-z2-9]{5}$' "$root/etc/culvert/psk"
check "the default configuration is accepted" systemd_run gw culvertd --check
check "the manual has terminate" grep -q 'culvertctl terminate' <(on gw zcat /usr/share/man/man1/culvertctl.1.gz)
check "man finds the manuals" systemd_run gw man -w 8 culvertd
# shellcheck disable=SC2016
check_equal "bash completes culvertctl te" terminate "$(on gw bash -c '
    . /usr/share/bash-completion/completions/culvertctl
    COMP_WORDS=(culvertctl te) COMP_CWORD=1 COMP_LINE="culvertctl te" COMP_POINT=13 COMPREPLY=()
    _culvertctl culvertctl te culvertctl
    echo ${COMPREPLY[@]}')"

printf 'users:\n  - { name: alice, secret: secret1 }\n' | put gw /etc/culvert/users.yaml
check "the service reads its new user" systemd_run gw systemctl reload culvertd.service
dials_in
move_data client=200000
check "the user's call is listed" grep -q alice <(culvertctl sessions)
on gw useradd -M -G culvert attendant
check "a member of the group may look" systemd_run gw setpriv --reuid=attendant --regid=attendant --init-groups \
    culvertctl status
check "nobody else may" not systemd_run gw setpriv --reuid=nobody --regid=nogroup --clear-groups culvertctl status
on gw userdel attendant

say "an upgrade that does not accept the configuration"
printf 'no-such-section: {}\n' >>"$root/etc/culvert/culvert.yaml"
kept=$(secrets) process=$(main_process)
: >"$logs/gw/package.log"
check "the upgrade itself succeeds" package -i "$second"
check "it says what is wrong" grep -q 'no-such-section' "$logs/gw/package.log"
check "it says that nothing was restarted" grep -q 'culvertd was not restarted' "$logs/gw/package.log"
check_equal "the old daemon runs on" "$process" "$(main_process)"
check "the call is still up" pings client 10.99.0.1 3
check_equal "configuration and secrets are as they were" "$kept" "$(secrets)"

say "the same upgrade, accepted"
sed -i '/^no-such-section/d' "$root/etc/culvert/culvert.yaml"
kept=$(secrets)
check "the upgrade succeeds" package -i "$second"
check "the new version is there" grep -q '+1' <(on gw dpkg-query -W culvert)
check "the service is ready" unit_is gw culvertd.service active
check "it is another process" test "$process" != "$(main_process)"
check_equal "configuration and secrets are as they were" "$kept" "$(secrets)"
check "the client heard a goodbye" wait_for 15 ppp_gone client
stop client xl2tpd
ipsec_disconnect client
dials_in

say "removed, then purged"
check "the package is removed" package -r culvert
check "the service is gone" not unit_is gw culvertd.service active
check "secrets are kept" test -s "$root/etc/culvert/psk" -a -s "$root/etc/culvert/users.yaml" -a -s \
    "$root/etc/culvert/culvert.yaml"
kernel_clean gw
check "it is installed again" package -i "$second"
check "and runs, with the users it had" unit_is gw culvertd.service active
check "the user is let in" grep -q alice "$root/etc/culvert/users.yaml"
check "the package is purged" package -P culvert
check_equal "accounts are as before" "$accounts_before" "$(accounts)"
left_over >"$logs/gw/left-over"
cat "$logs/gw/left-over"
check_equal "no file is left" "" "$(head -n 1 "$logs/gw/left-over")"
check_equal "no unit is left" "" "$(systemd_run gw systemctl --no-legend list-unit-files 'culvert*')"
systemd_stop gw
