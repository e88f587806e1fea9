# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A path that takes 1400 bytes: the interface's MTU follows, TCP segments fit, and both come back.
# boot: offers
# server -- gw -- internet -- router -- client, with and without a NAT on the router; the router's inner side is narrow
node_add gw
node_add client
node_add server
wan_add
wan_attach gw $gateway_address
nat_add router 203.0.113.20 192.168.7
nat_attach router client 192.168.7.10
ip link add eth1 netns gw type veth peer name eth0 netns server
ip -n gw -batch - <<END
addr add 10.50.0.1/24 dev eth1
link set eth1 up
route add 192.168.7.0/24 via 203.0.113.20
END
ip -n server -batch - <<END
addr add 10.50.0.2/24 dev eth0
link set eth0 up
route add default via 10.50.0.1
END
capture gw
nsenter --net=/run/netns/server tcpdump -Z root -U -n -s 128 -i eth0 -w "$logs/server.pcap" tcp >/dev/null 2>"$logs/server.tcpdump" &
echo $! >"$nodes/capture-server.pid"

# path_becomes BYTES: on the router's inner side
path_becomes() {
    local end
    for end in l-client lan; do ip -n router link set $end mtu "$1"; done
    ip -n client link set eth0 mtu "$1"
}
interface_mtu() { ip -n gw -o link show type ppp | sed -n 's/.*: cv[0-9]*: .* mtu \([0-9]*\) .*/\1/p'; }
mtu_is() { [ "$(interface_mtu)" = "$1" ]; }
shown_mtu() { culvert_get /v1/sessions | sed -n 's/.*"mtu":\([0-9]*\).*/\1/p'; }
# syn_sizes: the segment sizes offered in SYNs that server saw, newest last
syn_sizes() { tcpdump -Z root -n -r "$logs/server.pcap" 'tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn' 2>/dev/null | sed -n 's/.*mss \([0-9]*\).*/\1/p'; }
moves_data() {
    start server iperf iperf3 -s -1
    sleep 1
    on client iperf3 -c 10.50.0.2 -n 500K -i 0 || return 1
    wait_for 10 not runs server iperf
    start server iperf iperf3 -s -1
    sleep 1
    on client iperf3 -c 10.50.0.2 -n 500K -i 0 -R
}
show_call() { culvertctl show "$(culvert_traces)" | sed 's/^/    /'; }

# the kernel's own ten minutes are too long for this
on gw sh -c 'echo 8 > /proc/sys/net/ipv4/route/mtu_expires'
culvert_start gw
path_becomes 1400
require "the client connects" client_connect client $gateway_address
on client ip route add 10.50.0.0/24 dev ppp0
check_log "the interface's MTU follows the path" "mtu-changed"
# what the kernel has kept of the router's word
on gw ip route get 203.0.113.20 | sed 's/^/    /'
# 1400 - 20 - 8 - 8 - 16 - 16 - 2 - 8 - 6 - 4, and no more than whole blocks of 16
check "to what fits, with a NAT" wait_for 5 mtu_is 1308
check_equal "culvertctl says the same" 1308 "$(shown_mtu)"
show_call
check "data moves both ways" moves_data
check_equal "segments fit, as server is told" 1268 "$(syn_sizes | sort -u | paste -sd' ')"
check_at_least "they are counted" 4 "$(nft_counter clamped)"
culvertctl rules | sed -n '/^forward/,$p' | sed 's/^/    /'
path_becomes 1500
sleep 9
on client swanctl --rekey --child l2tp >>"$logs/client/swanctl.log" 2>&1
check "when the path is wide again the MTU comes back with the next keys" wait_for 20 mtu_is 1400
show_call
client_disconnect client
check_at_base
stop client xl2tpd
sent_nothing_in_clear gw

# without a NAT, so in bare ESP; and nobody touches TCP
culvert_stop
on router nft flush ruleset
stop client charon
rm -f "$(root_of client)/run/charon.vici"
sed -i 's/^  mtu: auto/&\n  clamp-mss: false/' "$(root_of gw)/etc/culvert/culvert.yaml"
culvert_run gw
path_becomes 1400
require "the client connects without a NAT" client_connect client $gateway_address
on client ip route add 10.50.0.0/24 dev ppp0
check "the MTU follows, with bare ESP" wait_for 10 mtu_is 1308
check_at_least "bare ESP is on the wire" 10 "$(captured gw esp)"
check "data moves both ways, unclamped" moves_data
# pppd's own, from its MTU of 1400
check_equal "segments are what the client said" 1360 "$(syn_sizes | tail -n 1)"
check "there is no rule about TCP" not on gw nft list chain inet culvert forward
check "nor is one told" not grep -q maxseg <(culvertctl rules)
client_disconnect client
check_at_base
sent_nothing_in_clear gw
