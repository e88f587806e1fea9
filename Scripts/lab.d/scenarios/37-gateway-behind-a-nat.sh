# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The gateway has a private address, and a NAT before it forwards 500 and 4500, as clouds do: clients on the internet and
# behind NATs of their own.
# boot: clients
public=203.0.113.5
wan_add
nat_add cloud $public 10.0.0
node_add gw
nat_attach cloud gw 10.0.0.10
on cloud nft -f - <<END || fail "nft in cloud"
table ip forward {
    chain prerouting {
        type nat hook prerouting priority -100;
        iifname eth0 udp dport { 500, 4500 } dnat to 10.0.0.10
    }
}
END
node_add client
wan_attach client 203.0.113.10
nat_add nat 203.0.113.20 192.168.7
node_add second
nat_attach nat second 192.168.7.10
capture cloud
culvert_start gw users="alice:secret1 bob:secret2"
require "a client on the internet connects" client_connect client $public
require "one behind a NAT of its own too" client_connect second $public user=bob pass=secret2
check "the first pings" pings client 10.99.0.1
check "the second pings" pings second 10.99.0.1
check "culvertctl shows that we are behind a NAT" grep -q '"localBehindNAT":true' <(culvertctl sessions --json | tr -d ' \n')
check_equal "no bare ESP" 0 "$(captured cloud esp)"
client_disconnect client
client_disconnect second
check_at_base
nothing_in_clear cloud
