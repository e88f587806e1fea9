# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The networks most scenarios use. The gateway is always gw, 203.0.113.1.

gateway_address=203.0.113.1

# one_client: gw and client, both on the internet, the gateway's wire recorded
one_client() {
    node_add gw
    node_add client
    wan_add
    wan_attach gw $gateway_address
    wan_attach client 203.0.113.10
    capture gw
}

# clients_behind_nat NODE...: gw on the internet, the nodes behind one NAT at 203.0.113.20
clients_behind_nat() {
    local node host=10
    node_add gw
    wan_add
    wan_attach gw $gateway_address
    nat_add nat 203.0.113.20 192.168.7
    for node in "$@"; do
        node_add "$node"
        nat_attach nat "$node" 192.168.7.$host
        host=$((host + 1))
    done
    capture gw
}
