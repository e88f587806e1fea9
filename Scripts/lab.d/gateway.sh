# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The gateway made of strongSwan, xl2tpd and pppd: what culvertd is compared with, and the proof that the lab works.

# reference_start NODE [psk= ike= esp= users= echo=]
reference_start() {
    local node=$1 o_psk=lab-secret o_ike= o_esp= o_users="alice:secret1" o_echo=20 o_tries= o_encap= o_keepalive= user
    shift
    options "psk ike esp users echo" "$@"
    for user in $o_users; do printf '"%s" * "%s" *\n' "${user%%:*}" "${user#*:}"; done | put "$node" /etc/ppp/chap-secrets
    put "$node" /etc/xl2tpd/xl2tpd.conf <<END
[global]
port = 1701
[lns default]
ip range = 10.99.0.10-10.99.0.100
local ip = 10.99.0.1
require authentication = yes
name = gw
length bit = yes
pppoptfile = /etc/ppp/options.xl2tpd
END
    put "$node" /etc/ppp/options.xl2tpd <<END
require-mschap-v2
name gw
ms-dns 10.99.0.53
mtu 1400
mru 1400
nodefaultroute
noccp
noipv6
lcp-echo-interval $o_echo
lcp-echo-failure 3
lcp-max-terminate 1
debug
logfile /var/log/pppd.log
END
    swan_write "$node" "" %any ""
    charon_start "$node"
    require "swanctl loads the gateway's configuration" swan_load "$node"
    start "$node" xl2tpd xl2tpd -D -c /etc/xl2tpd/xl2tpd.conf -p /run/xl2tpd.pid
    require "xl2tpd starts on $node" wait_for 20 test -p "$(root_of "$node")/run/xl2tpd/l2tp-control"
}

# calls_gone NODE: no SA, tunnel or PPP device is left of any call
calls_gone() { ! child_up "$1" && tunnels_gone "$1" && ppp_gone "$1"; }

# kernel_objects NODE: SAs, tunnels, sessions, PPP devices
kernel_objects() {
    printf '%s SAs, %s tunnels, %s sessions, %s PPP devices\n' "$(ip -n "$1" xfrm state list | grep -c 'proto esp')" \
        "$(on "$1" ip l2tp show tunnel | grep -c '^Tunnel')" "$(on "$1" ip l2tp show session | grep -c '^Session')" \
        "$(ip -n "$1" -o link show type ppp | grep -c .)"
}

# kernel_clean NODE: nothing of a gateway is left in the node's kernel. The table of culvertctl firewall is the
# administrator's.
kernel_clean() {
    local left
    left=$(
        ip -n "$1" xfrm state list
        ip -n "$1" xfrm policy list
        on "$1" ip l2tp show session
        on "$1" ip l2tp show tunnel
        ip -n "$1" -o link show type ppp
        ip -n "$1" -o link show | grep culvert
        on "$1" nft list tables | grep culvert | grep -v 'culvert-firewall$'
    )
    [ -z "$left" ] || printf '%s\n' "$left"
    check_equal "the kernel of $1 is clean" "" "$(head -n 1 <<<"$left")"
}
