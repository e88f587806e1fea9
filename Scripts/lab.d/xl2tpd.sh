# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# xl2tpd and pppd as client (LAC), and the whole client: strongSwan below, xl2tpd and pppd above.

l2tp_options="user pass ppp mtu lport echo retries redial"
# l2tp_start NODE SERVER [user= pass= ppp= mtu= lport= echo= retries= redial=]: xl2tpd with one [lac vpn]; dial with l2tp_dial.
# ppp is a semicolon-separated list of further pppd options.
l2tp_start() {
    local node=$1 server=$2 o_user=alice o_pass=secret1 o_ppp= o_mtu=1400 o_lport=1701 o_echo=20 o_retries=5 o_redial=no
    shift 2
    options "$l2tp_options" "$@"
    put "$node" /etc/xl2tpd/xl2tpd.conf <<END
[global]
port = $o_lport
max retries = $o_retries
[lac vpn]
lns = $server
length bit = yes
pppoptfile = /etc/ppp/options.l2tpd
autodial = no
redial = $o_redial
redial timeout = 3
max redials = 1000
END
    ppp_write "$node"
    rm -f "$(root_of "$node")/run/xl2tpd/l2tp-control"
    start "$node" xl2tpd xl2tpd -D -c /etc/xl2tpd/xl2tpd.conf -p /run/xl2tpd.pid
    require "xl2tpd starts on $node" wait_for 20 test -p "$(root_of "$node")/run/xl2tpd/l2tp-control"
}

# ppp_write NODE: pppd's options from o_user, o_pass, o_mtu, o_echo, o_ppp
ppp_write() {
    put "$1" /etc/ppp/options.l2tpd <<END
noauth
name $o_user
password $o_pass
ipcp-accept-local
ipcp-accept-remote
noipv6
noipdefault
nodefaultroute
noccp
usepeerdns
mtu $o_mtu
mru $o_mtu
lcp-echo-interval $o_echo
lcp-echo-failure 3
connect-delay 0
lcp-max-terminate 1
debug
logfile /var/log/pppd.log
${o_ppp//;/$'\n'}
END
}

l2tp_dial() { on "$1" sh -c 'echo "c vpn" > /run/xl2tpd/l2tp-control'; }
l2tp_hangup() { on "$1" sh -c 'echo "d vpn" > /run/xl2tpd/l2tp-control'; }

ppp_address() { ip -n "$1" -o -4 addr show dev "${2:-ppp0}" 2>/dev/null | sed -n 's/.*inet \([0-9.]*\).*/\1/p'; }
ppp_up() { [[ $(ip -n "$1" -o -4 addr show dev "${2:-ppp0}" 2>/dev/null) == *"inet "* ]]; }
# ppp_gone NODE: no PPP device at all
ppp_gone() { [ -z "$(ip -n "$1" -o link show type ppp)" ]; }
tunnels_gone() { [ -z "$(on "$1" ip l2tp show tunnel)" ]; }

# client_connect NODE SERVER [options of ipsec_connect and l2tp_start; up=SECONDS to wait]: dials; true when ppp0 has its address.
# Says how long each part took.
client_connect() {
    local node=$1 server=$2 argument t0 t1 up=40
    shift 2
    local -a ike=() l2tp=()
    for argument in "$@"; do
        case ${argument%%=*} in
        up) up=${argument#*=} ;;
        lport) ike+=("$argument") l2tp+=("$argument") ;;
        *) if [[ " $l2tp_options " == *" ${argument%%=*} "* ]]; then l2tp+=("$argument"); else ike+=("$argument"); fi ;;
        esac
    done
    t0=$(now_ms)
    ipsec_connect "$node" "$server" "${ike[@]}" || {
        say "$node: IPsec failed: $(tail -n 1 "$logs/$node/swanctl.log")"
        return 1
    }
    t1=$(now_ms)
    l2tp_start "$node" "$server" "${l2tp[@]}"
    l2tp_dial "$node"
    wait_for "$up" ppp_up "$node" || {
        say "$node: no address on ppp0"
        return 1
    }
    say "$node is up: IPsec $((t1 - t0)) ms, L2TP and PPP $(($(now_ms) - t1)) ms, address $(ppp_address "$node")"
}

# client_disconnect NODE: hangs up, then ends the SAs
client_disconnect() {
    l2tp_hangup "$1"
    wait_for 10 ppp_gone "$1"
    ipsec_disconnect "$1"
}
