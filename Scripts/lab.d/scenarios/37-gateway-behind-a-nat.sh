# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The gateway has a private address, and a NAT before it forwards 500 and 4500, as clouds do: clients on the internet and
# behind NATs of their own.
# And Windows as its vectors have it, which goes away when it sees a NAT before the gateway.
# boot: offers
# swarm: yes
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
crowd_add cloud
capture cloud
culvert_start gw users="alice:secret1 bob:secret2 $(crowd_users 3)"
require "a client on the internet connects" client_connect client $public
require "one behind a NAT of its own too" client_connect second $public user=bob pass=secret2
check "the first pings" pings client 10.99.0.1
check "the second pings" pings second 10.99.0.1
check "culvertctl shows that we are behind a NAT" grep -q '"localBehindNAT":true' <(culvertctl sessions --json | tr -d ' \n')
check_equal "no bare ESP" 0 "$(captured cloud esp)"
swarm_start windows --gateway $public --vector windows7,windows10,windows11 --clients 3 --patience 300 --silence 90 --ping 10.99.0.1 --ping-interval 1
check "three Windows are up, and no registry key was set" wait_for 40 swarm_has windows up 3
check "they hear from the gateway" wait_for 20 swarm_has_at_least windows answers 3
swarm_stop windows
client_disconnect client
client_disconnect second
check_at_base
culvert_stop
culvert_start gw users="$(crowd_users 1)" profile="conceal-nat: false"
swarm_start told --gateway $public --vector windows10 --clients 1
check_log "a Windows that is told goes away, and the log has the registry key" "AssumeUDPEncapsulationContextOnSendRule"
check "it is not up" not swarm_has told up 1
kill "$(pid_of crowd told)"
nothing_in_clear cloud
