# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The NAT gives a call another port, then another address: it goes on. Who proves nothing moves nobody.
# boot: time
clients_behind_nat client
node_add stranger
wan_attach stranger 203.0.113.66
ip -n nat addr add 203.0.113.21/24 dev eth0
culvert_start gw hello=10s echo=10s sections="liveness: { grace: 60s, dead-peer-interval: 10s }"
# nat_becomes RULE: what the NAT does from now on; what it did is forgotten
nat_becomes() {
    on nat nft flush chain ip nat postrouting
    on nat nft add rule ip nat postrouting oifname eth0 "$1"
    on nat conntrack -F >/dev/null 2>&1
}
outer() { ip -n gw xfrm state list | sed -n 's/.*encap type espinudp //p' | sort -u | paste -sd' '; }
moves() { culvert_log_count ' peer-moved '; }
pings_again() { on client ping -c 1 -W 1 10.99.0.1; }

require "the client connects" client_connect client $gateway_address keepalive=5 dpd=5s
say "encapsulation: $(outer)"
interface=$(ip -n gw -o link show type ppp | cut -d: -f1,2)

# right SPI, right cookies, from elsewhere, but no keys
before=$(outer)
spi=$(ip -n gw xfrm state list | awk '/^src 203.0.113.20/ { getline; print $4; exit }')
cookies=$(swan_sas client | sed -n 's/.*IKEv1, \([0-9a-f]*\)_i\*\{0,1\} \([0-9a-f]*\)_r.*/\1\2/p' | head -n 1)
check_equal "the cookies are known" 32 ${#cookies}
# strange HEX: from the stranger to UDP 4500
# shellcheck disable=SC2016
strange() { on stranger bash -c 'printf "$(sed "s/../\\\\x&/g" <<<"$1")" >/dev/udp/203.0.113.1/4500' - "$1"; }
rubbish=$(printf '5a%.0s' {1..64})
for _ in 1 2 3; do
    strange "${spi#0x}00000fff$rubbish"
    strange "00000000${cookies}08100501123456780000005c$rubbish"
    strange "ff"
done
sleep 2
check "ping goes on" pings client 10.99.0.1
check_equal "nobody was moved" 0 "$(moves)"
check_equal "the associations are as they were" "$before" "$(outer)"

nat_becomes "udp sport 4500 masquerade to :21000-21999"
check "the call goes on from another port" wait_for 20 pings_again
check_log "the log tells of the move" " peer-moved "
check "the associations follow" grep -q '21[0-9][0-9][0-9]' <(outer)
say "encapsulation: $(outer)"
check_at_most "moves of one peer" 3 "$(moves)"

nat_becomes "snat to 203.0.113.21"
check "the call goes on from another address" wait_for 20 pings_again
check "the associations follow" grep -q '203.0.113.21' <(ip -n gw xfrm state list)
check_equal "none stays at the old address" 0 "$(ip -n gw xfrm state list | grep -c '203.0.113.20 ')"
check "culvertctl shows where the peer is" grep -q 203.0.113.21 <(culvertctl sessions --json)
check_equal "the interface is the same" "$interface" "$(ip -n gw -o link show type ppp | cut -d: -f1,2)"
check_equal "no call went down" 0 "$(culvert_log_count ' call-down ')"
client_disconnect client
check_at_base 80
# (the NAT itself may complain of packets for a mapping that it has forgotten)
sent_nothing_in_clear gw
