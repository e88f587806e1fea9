# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The example units under a real systemd: status text, sockets and secrets of systemd's, a loop that hangs, the doctor.
# boot: package
# timeout: 600
one_client
root=$(root_of gw)
units=$root/etc/systemd/system

culvert_configure gw sections="  read-only-group: adm;log: { security: { format: cef, to: journald } }"
# secrets come from systemd alone
sed -i 's/{ file: psk }/{ credential: psk }/; s/^  file: users.yaml/  credential: users/' "$root/etc/culvert/culvert.yaml"
mkdir -p "$root/etc/handed-over" "$root/usr/local/sbin" "$root/usr/local/bin"
mv "$root/etc/culvert/psk" "$root/etc/handed-over/psk"
mv "$root/etc/culvert/users.yaml" "$root/etc/handed-over/users"
chmod -R go= "$root/etc/handed-over"
cp $stage/culvertd "$root/usr/local/sbin/"
cp $stage/culvertctl "$root/usr/local/bin/"
on gw groupadd --system culvert
on gw sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"

systemd_start gw
mkdir -p "$units/culvertd.service.d"
cp "$(cat $stage/repository)/Docs/Examples/culvertd.service" "$units/"
# the lab's gateway listens on IPv4 only
grep -vF "[::]" "$(cat $stage/repository)/Docs/Examples/culvertd.socket" >"$units/culvertd.socket"
# with the sockets of systemd's, no right to bind them
sed -i 's/^CapabilityBoundingSet=.*/CapabilityBoundingSet=CAP_NET_ADMIN/' "$units/culvertd.service"
put gw /etc/systemd/system/culvertd.service.d/lab.conf <<END
[Service]
LoadCredential=psk:/etc/handed-over/psk
LoadCredential=users:/etc/handed-over/users
WatchdogSec=10
SupplementaryGroups=adm
END
systemd_run gw systemctl daemon-reload

status_has() { unit_value gw culvertd.service StatusText | grep -qF -- "$1"; }
main_process() { unit_value gw culvertd.service MainPID; }
in_systemd() { systemd_run gw "$@"; }
doctor() {
    in_systemd env CREDENTIALS_DIRECTORY=/run/credentials/culvertd.service /usr/local/bin/culvertctl doctor "$@"
}
restarted() { [ "$(unit_value gw culvertd.service NRestarts)" != 0 ]; }

if ! systemd_run gw systemctl start culvertd.socket culvertd.service; then unit_log gw culvertd.service | tail -n 20; fi
require "the service is ready" unit_is gw culvertd.service active
check "systemctl status tells how many calls are up" wait_for 15 status_has "0 calls up, 0 keying; pool office 0 of"
say "$(unit_value gw culvertd.service StatusText)"
check_equal "it has CAP_NET_ADMIN and nothing else" 0000000000001000 \
    "$(in_systemd sed -n 's/^CapBnd:\t//p' "/proc/$(main_process)/status")"
require "the client connects" client_connect client $gateway_address
check "ping through the call" pings client 10.99.0.1 3
check "the status follows" wait_for 25 status_has "1 call up"
check "UDP 1701 is taken" grep -q :1701 <(on gw ss -uln)

say "who may look"
# asks SOCKET OPTION...: as somebody who is in the group adm alone
asks() { on gw setpriv --reuid 65534 --regid "$(on gw getent group adm | cut -d : -f 3)" --clear-groups curl -s --max-time 10 \
    -o /dev/null -w '%{http_code}' --unix-socket "/run/culvert/$1.sock" "${@:2}"; }
check_equal "the group that may look looks" 200 "$(asks status http://localhost/v1/sessions)"
check_equal "and changes nothing there" 403 "$(asks status http://localhost/v1/terminate -d '{"all":true}')"
check_equal "nor gets at the other socket" 000 "$(asks control http://localhost/v1/sessions)"

say "the journal"
journal() { in_systemd journalctl --no-pager --quiet "$@"; }
check "the call is found by event and user" grep -q 'control call-up' \
    <(journal -o cat CULVERT_EVENT=call-up CULVERT_FIELD_USER=alice)
check "it is a notice of culvertd" grep -q '^PRIORITY=5$' <(journal -o export -t culvertd CULVERT_EVENT=call-up)
check "its trace finds the whole call" test "$(journal -o cat "$(journal -o export CULVERT_EVENT=call-up |
    grep -a -m 1 '^CULVERT_TRACE=')" | wc -l)" -gt 3
check "security events are found by action" grep -q '^CEF:0|Culvert|culvertd|.*|login-succeeded|' \
    <(journal -o cat -t culvertd-security CULVERT_ACTION=login-succeeded)

say "the doctor beside it"
doctor --json >"$logs/gw/doctor.json"
check_equal "it finds nothing that makes calls fail" 0 $?
grep -E '"(failures|warnings)"' "$logs/gw/doctor.json"
check "it reads the secrets that systemd hands over" grep -q '1 user may dial in' "$logs/gw/doctor.json"
check "it finds the daemon" grep -q 'culvertd answers on its control socket' "$logs/gw/doctor.json"
doctor --all | cut -c 1-160
# the packets of calls: of two associations, none is offloaded
check "it counts the security associations" grep -q '0 of 2 security associations are offloaded' "$logs/gw/doctor.json"
on gw nft -f - <<END
table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }
END
check "a firewall that drops IKE makes calls fail" not doctor
check "and it says which rule lets IKE in" grep -q 'nft insert rule' <(doctor)
on gw nft delete table inet filter

say "a loop that hangs"
process=$(main_process)
in_systemd kill -STOP "$process"
check "systemd ends it and starts another" wait_for 40 restarted
wait_for 40 unit_is gw culvertd.service active
check "it is another process" test "$process" != "$(main_process)"
check "because of the watchdog" grep -qi 'watchdog timeout' <(in_systemd journalctl --no-pager -u culvertd.service)

say "sockets outlive the daemon"
check "it stops" systemd_run gw systemctl stop culvertd.service
check "UDP 500 is still systemd's" grep -q :500 <(on gw ss -uln)
check "the control socket is gone" test ! -e "$root/run/culvert/control.sock"
check "it starts again on them" systemd_run gw systemctl start culvertd.service
systemd_run gw systemctl stop culvertd.socket culvertd.service
kernel_clean gw
systemd_stop gw
