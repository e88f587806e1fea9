# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Keys are renewed every few seconds, by the client and by us, while data flows: no datagram is lost, PPP sees nothing.
# boot: time
# timeout: 900
one_client
culvert_start gw hello=10s echo=10s
interface_of_call() { ip -n gw -o link show type ppp | cut -d: -f1,2; }
# stream SECONDS: datagrams and a TCP connection from the client to the gateway, then what was lost
stream() {
    start gw iperf3-udp iperf3 -s -1 --forceflush -p 5201 -B 10.99.0.1
    start gw iperf3-tcp iperf3 -s -1 --forceflush -p 5202 -B 10.99.0.1
    wait_for 15 grep -q 'Server listening' "$logs/gw/iperf3-tcp.log"
    wait_for 15 grep -q 'Server listening' "$logs/gw/iperf3-udp.log"
    start client tcp iperf3 -c 10.99.0.1 -p 5202 -t "$1" -b 400k -J --logfile /var/log/tcp.json
    on client iperf3 -u -c 10.99.0.1 -p 5201 -t "$1" -b 400k -l 500 -J --logfile /var/log/udp.json
    wait_for 20 not runs client tcp
    say "$(grep -o '"lost_packets":[^,]*\|"packets":[^,]*\|"out_of_order":[^,]*' $logs/client/udp.json | tail -n 3 | tr -d '\t' | paste -sd' ')"
    say "TCP: $(grep -o '"retransmits":[^,]*' $logs/client/tcp.json | tail -n 1)"
    check_equal "no datagram was lost" 0 "$(grep -o '"lost_packets":[^,]*' $logs/client/udp.json | tail -n 1 | tr -dc 0-9)"
    check_at_least "datagrams were sent" 50 "$(grep -o '"packets":[^,]*' $logs/client/udp.json | tail -n 1 | tr -dc 0-9)"
    check "TCP went through" grep -q '"sum_received"' $logs/client/tcp.json
    rm -f $logs/client/{udp,tcp}.json $logs/gw/iperf3-*.log
}
# rekeyed WHAT LEAST: how often keys changed since $before, and that nobody above noticed
rekeyed() {
    local keys
    keys=$(($(spis_seen) - before))
    check_at_least "$1: pairs of associations since" "$2" $keys
    check_equal "$1: the interface is the same" "$interface" "$(interface_of_call)"
    check_equal "$1: one call came up" "$calls" "$(culvert_log_count ' call-up ')"
    check_equal "$1: no call went down" "$ended" "$(culvert_log_count ' call-down ')"
    check "$1: ping" pings client 10.99.0.1
    say "$(kernel_objects gw)"
}
# spis_seen: pairs that were ever installed, as the log has them
spis_seen() { culvert_log_count ' ike child-established '; }

require "the client connects" client_connect client $gateway_address rekey=6s life=14s ikerekey=20s over=6s
interface=$(interface_of_call) calls=$(culvert_log_count ' call-up ') ended=0 before=$(spis_seen)
stream 26
rekeyed "the client renews" 3
check_at_least "IKE SAs since the start" 2 "$(culvert_log_count ' ike phase1-established ')"

# the client deletes first and asks afterwards
on client swanctl --terminate --child l2tp --timeout 10 >>$logs/client/swanctl.log 2>&1
sleep 1
check "the client asks for new keys" on client swanctl --initiate --child l2tp --timeout 60
before=$(spis_seen)
rekeyed "delete before rekey" 0
client_disconnect client
check_at_base 60
stop client xl2tpd

# the client has no rekeying of its own, but tells short lifetimes: 30 s for the pair, 40 s for the IKE SA
require "a client that never renews connects" client_connect client $gateway_address rekey=0s life=30s ikerekey=0s over=40s
sas=$(culvert_log_count ' ike phase1-established ')
interface=$(interface_of_call) calls=$(culvert_log_count ' call-up ') ended=$(culvert_log_count ' call-down ')
before=$(spis_seen)
stream 62
rekeyed "we renew" 2
check_at_least "IKE SAs since then" 1 $(($(culvert_log_count ' ike phase1-established ') - sas))
client_disconnect client
check_at_base 60
sent_nothing_in_clear gw
