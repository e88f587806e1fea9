# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Two clients with the same private address behind different NATs, and one without a NAT: none disturbs another.
# boot: nat
# timeout: 600
node_add gw
wan_add
wan_attach gw $gateway_address
capture gw
nat_add home 203.0.113.20 192.168.7
nat_add hotel 203.0.113.21 192.168.7
node_add first
nat_attach home first 192.168.7.10
node_add second
nat_attach hotel second 192.168.7.10
node_add plain
wan_attach plain 203.0.113.30
culvert_start gw users="first:secret1 second:secret1 plain:secret1"
for name in first plain second; do
    require "$name connects" client_connect $name $gateway_address user=$name
done
check_equal "three sessions" 3 "$(session_count)"
check_equal "three addresses" 3 "$(for name in first second plain; do ppp_address $name; done | sort -u | wc -l)"
check_equal "associations in UDP" 4 "$(ip -n gw xfrm state list | grep -c 'encap type espinudp')"
check_equal "associations in all" 6 "$(ip -n gw xfrm state list | grep -c 'proto esp')"
move_data first=300000 plain=450000 second=700000

pings_begin second plain
client_disconnect first
check "the first leaves" wait_for 20 has_sessions 2
stop first xl2tpd
require "it comes back" client_connect first $gateway_address user=first
pings_end "while one leaves and comes back" second plain
move_data first=700000 plain=300000 second=450000
for name in first second plain; do client_disconnect $name; done
check_at_base 60
nothing_in_clear gw
