# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What Scripts/demo shows: one call from dial to goodbye, told in an account.
# boot: demo
# run: asked
tell() { printf '%s\n' "$*" >>$logs/account; }
# value WIDTH-NAME TEXT...
item() { printf '  %-14s %s\n' "$1" "${*:2}" >>$logs/account; }

# sa_lines NODE: each SA as "source > destination, SPI, algorithms"; no keys
sa_lines() {
    ip -n "$1" xfrm state list | awk '
        function bits(hex) { return (length(hex) - 2) * 4 }
        function flush() { if (from) print from " > " to "  SPI " spi "  " mode "  " cipher integrity }
        /^src/ { flush(); from = $2; to = $4; cipher = integrity = "" }
        /proto esp/ { spi = $4; mode = $NF }
        / auth-trunc / || /\tauth-trunc / { integrity = ", " $2 " " $4 " bits" }
        /\tenc / { cipher = $2 " " bits($3) " bits" }
        /\taead / { cipher = $2 " " bits($3) - 32 " bits" }
        /\tmode/ { mode = $NF }
        / mode / { for (i = 1; i < NF; i++) if ($i == "mode") mode = $(i + 1) }
        END { flush() }'
}

one_client
tell "Gateway  culvertd at $gateway_address            (node gw)"
tell "Client   strongSwan, xl2tpd, pppd at 203.0.113.10  (node client)"
tell "Kernel   $(uname -r), stock Debian, in QEMU; each node is a network namespace"
culvert_start gw
tell
tell "The client dials."
t0=$(now_ms)
require "the SAs come up" ipsec_connect client $gateway_address
item "IKE and IPsec" "up after $(($(now_ms) - t0)) ms (emulated processor, charon's start included)"
while read -r line; do item "SA" "$line"; done < <(sa_lines gw)
t0=$(now_ms)
l2tp_start client $gateway_address
l2tp_dial client
require "the client gets its address" wait_for 40 ppp_up client
item "L2TP and PPP" "up after $(($(now_ms) - t0)) ms (xl2tpd's and pppd's start included)"
read -r _ tunnel _ < <(on gw ip l2tp show tunnel)
item "tunnel" "${tunnel%,}, peer $(on gw ip l2tp show tunnel | sed -n 's/.*Peer tunnel //p')"
read -r _ session _ < <(on gw ip l2tp show session)
item "session" "$session, peer $(on gw ip l2tp show session | sed -n 's/.*Peer session \([0-9]*\).*/\1/p')"
item "address" "$(ppp_address client) for alice, gateway 10.99.0.1, MTU $(ip -n gw -o link show type ppp | sed -n 's/.*mtu \([0-9]*\).*/\1/p')"
tell
tell "culvertctl sessions:"
culvertctl sessions | sed 's/^/  /' >>$logs/account
tell
tell "Data through the call."
require "ping" pings client 10.99.0.1 3
item "ping" "$(on client ping -c 3 -i 0.3 -W 4 10.99.0.1 | sed -n 's/\(.*packet loss\).*/\1/p; s/^rtt/round trip/p' | paste -sd' ' | sed 's/ round trip/; round trip/')"
start gw iperf3 iperf3 -s -1 --forceflush -B 10.99.0.1
require "iperf3 listens" wait_for 15 grep -q 'Server listening' "$logs/gw/iperf3.log"
before=$(culvert_counter packets.received)
require "iperf3" on client iperf3 -c 10.99.0.1 -n 8M --logfile /var/log/iperf3.log
item "iperf3" "$(sed -n 's/.*sec *\([0-9.]* [KMG]Bytes\) *\([0-9.]* [KMG]bits.sec\).*receiver.*/\1 at \2, received/p' "$logs/client/iperf3.log") (emulated processor; everything passes AES and back on it)"
item "culvertd saw" "$(($(culvert_counter packets.received) - before)) packets of that: user packets stay in the kernel"
item "on the wire" "$(captured gw esp) ESP packets, $(captured gw 'udp port 500') of IKE, $(captured gw 'ip and not (udp port 500 or udp port 4500 or esp)') of anything else"
tell
tell "The client hangs up, culvertd gets SIGTERM."
client_disconnect client
require "the call is gone" wait_for 15 calls_gone gw
culvert_stop
left=$(
    ip -n gw xfrm state list
    ip -n gw xfrm policy list
)
item "SAs" "$(grep -c 'proto esp' <<<"$left") left, policies $(grep -c 'dir ' <<<"$left") left"
item "L2TP tunnels" "$(on gw ip l2tp show tunnel | grep -c Tunnel) left"
item "PPP devices" "$(ip -n gw -o link show type ppp | grep -c .) left"
item "nft tables" "$(on gw nft list tables | grep -c culvert) of ours left"
nothing_in_clear gw
