# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# culvertctl reload and SIGHUP with calls up: a user and a pool come, DNS changes, a user goes; nobody else feels it.
# boot: calls
one_client
node_add second
wan_attach second 203.0.113.11
node_add third
wan_attach third 203.0.113.12
culvert_start gw users="alice:secret1 bob:secret2"
require "alice connects" client_connect client $gateway_address
require "bob connects" client_connect second $gateway_address user=bob pass=secret2
pings_begin client

etc=$(root_of gw)/etc/culvert
# what_stands: the SPIs of alice's and bob's associations, the PPP devices with their numbers
what_stands() {
    ip -n gw xfrm state list | awk '/^src/ { peer = $2 != "203.0.113.12" && $4 != "203.0.113.12" }
        peer && /proto esp/ { print $4 }' | sort
    ip -n gw -o link show type ppp | awk '{ print $1, $2 }' | grep -v " $1"
}
# plan [--dry-run]: reloads, and keeps what it said
plan() { culvertctl reload "$@" >"$logs/gw/plan" 2>&1; }
# plan_says WHAT TEXT
plan_says() { check "$1" grep -qF -- "$2" "$logs/gw/plan"; }
has_pool() { culvert_get /v1/status | grep -q "\"name\":\"$1\""; }
has_gateway_address() { [[ $(ip -n gw -o -4 addr show) == *"inet $1/"* ]]; }
reloads() { culvert_log_count "control reloaded"; }
hand_out_is_ahead() { culvertctl client alice --for android 2>&1 >/dev/null | grep -qF "culvertd has not read its files"; }

before=$(what_stands nobody)
check "an identical file changes nothing" grep -q '^no changes$' <(culvertctl reload)
sed -i 's/10\.99\.0\.53/10.99.0.54/; s/^    - { name: office.*/&\n    - { name: guests, range: 10.98.0.0\/24, gateway: 10.98.0.1 }/' \
    "$etc/culvert.yaml"
printf '  - { name: carol, secret: secret3 }\n' >>"$etc/users.yaml"
check "a dry run" plan --dry-run
cat "$logs/gw/plan"
plan_says "the plan has the user" "added    users.carol, at once"
plan_says "the plan has the pool" "added    addresses.pools.guests: 10.98.0.0/24, at once"
plan_says "the plan has the servers" "changed  ppp.dns: was 10.99.0.53, is 10.99.0.54, at once for new calls"
plan_says "the plan says whom it concerns" "2 calls: they keep the former servers until they end"
plan_says "it was a dry run" "dry run: nothing was changed"
check "a dry run changes nothing" not has_pool guests
check "and can be had again" cmp -s "$logs/gw/plan" <(culvertctl reload --dry-run)
check "a hand-out warns that culvertd has not read the file" hand_out_is_ahead
check "the reload" plan
check "after it there is no such warning" not hand_out_is_ahead
plan_says "it is applied" "2 added, 1 changed, 0 removed; no call ends"
check "the pool is there" has_pool guests
check "and its gateway address" has_gateway_address 10.98.0.1
check_equal "SPIs and PPP devices are the same" "$before" "$(what_stands nobody)"
require "carol, who is new, connects" client_connect third $gateway_address user=carol pass=secret3
check "carol was told the new server" grep -q '10\.99\.0\.54' "$logs/third/pppd.log"

cp -p "$etc/users.yaml" "$etc/users.right"
printf '  - { name: dave, sekret: secret4 }\n' >>"$etc/users.yaml"
check "a file with a mistake is refused" not plan
plan_says "with file, line and column" "/etc/culvert/users.yaml:5:"
plan_says "and what mends it" "did you mean 'secret'?"
check_log "the log says so" "control reload-refused"
check_equal "three calls are up" 3 "$(session_count)"
grep -v 'name: bob' "$etc/users.right" >"$etc/users.yaml"
rm -f "$etc/users.right"

count=$(reloads)
kill -HUP "$(pid_of gw culvertd)"
more_reloads() { [ "$(reloads)" -gt "$count" ]; }
check "SIGHUP reloads" wait_for 10 more_reloads
check "the call of the removed user ends" wait_for 15 has_sessions 2
check "and its peer was told" wait_for 15 ppp_gone second
check "it did not time out" grep -q 'rcvd \[LCP TermReq\|Terminating on signal\|Modem hangup' "$logs/second/pppd.log"
check_log "the log gives the reason" "a reload removed the user bob"
check "alice still pings" pings client 10.99.0.1
check "carol still pings" pings third 10.99.0.1

sed -i '/name: guests/d' "$etc/culvert.yaml"
check "the pool goes" plan
plan_says "with nobody in it" "0 added, 0 changed, 1 removed; no call ends"
check "and its gateway address with it" not has_gateway_address 10.98.0.1
pings_end "through five reloads" client
stop client xl2tpd
stop third xl2tpd
ipsec_disconnect client
ipsec_disconnect third
ipsec_disconnect second
check_at_base
sent_nothing_in_clear gw
