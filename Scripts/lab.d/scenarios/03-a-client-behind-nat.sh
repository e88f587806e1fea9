# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A client behind a NAT: IKE floats to 4500, ESP goes in UDP, keepalives hold the mapping open.
# boot: calls
clients_behind_nat client
culvert_start gw
require "the client connects" client_connect client $gateway_address keepalive=2
check "ping through the call" pings client 10.99.0.1
check "the SAs are encapsulated in UDP" grep -q 'encap type espinudp' <(ip -n gw xfrm state list)
sleep 5
check_at_least "keepalives are on the wire" 1 "$(captured gw 'udp dst port 4500 and udp[4:2] = 9 and udp[8] = 0xff')"
check "ping after the keepalives" pings client 10.99.0.1
check_equal "no bare ESP" 0 "$(captured gw esp)"
client_disconnect client
check "the call is gone" wait_for 15 calls_gone gw
nothing_in_clear gw
