# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Data through several calls at once, and what the gateway's kernel counted for each of them.

# call_lines: of each call its inner address, interface and request id, one call per line
call_lines() {
    culvert_get /v1/sessions |
        grep -o '"innerAddress":"[^"]*\|"interface":"[^"]*\|"requestID":[0-9]*' | awk -F'"?:"?' '
            $1 ~ /requestID/ { request = $2 }
            $1 ~ /innerAddress/ { address = $2 }
            $1 ~ /interface/ { print address, $2, request }'
}
# interface_bytes INTERFACE: what came in on it, at gw
interface_bytes() { ip -n gw -s link show dev "$1" | awk '/RX:/ { getline; print $1; exit }'; }
# association_bytes REQUEST-ID: what came in through the associations of that request id, at gw
association_bytes() {
    local own
    own=" $(ip -n gw -o addr show dev eth0 | sed -n 's/.*inet6\{0,1\} \([0-9a-f.:]*\).*/\1/p' | tr '\n' ' ') "
    ip -n gw -s xfrm state list | awk -v wanted="$1" -v own="$own" '
        $1 == "src" { inbound = index(own, " " $4 " ") }
        /proto esp/ { for (i = 1; i < NF; i++) if ($i == "reqid") { split($(i + 1), part, "("); request = part[1] } }
        /lifetime current/ { getline; if (inbound && request == wanted) sum += $1 + 0 }
        END { print sum + 0 }'
}

# sink_start: a server at gw that reads what comes, on TCP port 5300, and writes who sent how much
sink_start() {
    put gw /sink <<'END'
use strict;
use Socket;
socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, pack_sockaddr_in(5300, INADDR_ANY)) or die "bind: $!";
listen($listener, 64) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
$| = 1;
print "listening\n";
while (my $from = accept(my $connection, $listener)) {
    next if fork;
    my $sum = 0;
    while (my $count = sysread($connection, my $bytes, 65536)) { $sum += $count; }
    my ($port, $address) = unpack_sockaddr_in($from);
    printf "%s sent %d\n", inet_ntoa($address), $sum;
    exit;
}
END
    start gw sink perl /sink
    require "a server for data runs" wait_for 20 grep -q listening "$logs/gw/sink.log"
}
# pour NODE BYTES: the node sends so many to the sink; in the background, as its program "pour"
# shellcheck disable=SC2016
pour() { start "$1" pour bash -c 'head -c "$1" /dev/zero >/dev/tcp/10.99.0.1/5300' - "$2"; }
# poured NODE BYTES: the sink has them all
poured() { grep -q "^$(ppp_address "$1") sent $2\$" "$logs/gw/sink.log"; }

# move_data NODE=BYTES...: all at once each node pings the gateway twenty times and sends it so many bytes in a TCP
# connection. No ping is lost, and each call's interface and associations count what its own client sent, nobody else's.
# In the tolerance are headers, pings, and what TCP sends twice.
move_data() {
    local pair node bytes address interface request seen
    local -A interfaces=() requests=() frames=() packets=()
    [ -f "$nodes/gw/sink.pid" ] || sink_start
    while read -r address interface request; do
        interfaces[$address]=$interface requests[$address]=$request
    done < <(call_lines)
    for pair in "$@"; do
        node=${pair%%=*}
        address=$(ppp_address "$node")
        [ -n "${interfaces[$address]:-}" ] || {
            fail "the gateway knows the call of $node at '$address'"
            return 1
        }
        rm -f "$logs/$node/data-ping.log"
        frames[$node]=$(interface_bytes "${interfaces[$address]}")
        packets[$node]=$(association_bytes "${requests[$address]}")
    done
    for pair in "$@"; do
        start "${pair%%=*}" data-ping ping -c 20 -i 0.5 -W 10 10.99.0.1
        pour "${pair%%=*}" "${pair#*=}"
    done
    for pair in "$@"; do
        node=${pair%%=*} bytes=${pair#*=}
        check "$node: its $bytes bytes arrive" wait_for 60 poured "$node" "$bytes"
        wait_for 30 not runs "$node" data-ping || fail "the pings of $node end"
    done
    for pair in "$@"; do
        node=${pair%%=*} bytes=${pair#*=}
        address=$(ppp_address "$node")
        check_equal "$node: no ping of 20 is lost" 20 "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$logs/$node/data-ping.log")"
        seen=$(($(interface_bytes "${interfaces[$address]}") - frames[$node]))
        check_between "$node: bytes on its interface ${interfaces[$address]}" "$bytes" $((bytes * 5 / 4 + 12000)) $seen
        seen=$(($(association_bytes "${requests[$address]}") - packets[$node]))
        check_between "$node: bytes through its associations" "$bytes" $((bytes * 7 / 5 + 16000)) $seen
    done
}
# check_between WHAT LEAST MOST SEEN
check_between() {
    if [ "${4:-x}" -ge "$2" ] 2>/dev/null && [ "$4" -le "$3" ]; then
        say "ok: $1: $4"
    else
        fail "$1 (wanted $2 to $3, saw ${4:-nothing})"
    fi
}

# pings_begin NODE...: each pings the gateway twice a second until pings_end
pings_begin() {
    local node
    for node in "$@"; do
        rm -f "$logs/$node/pings.log"
        start "$node" pings ping -i 0.5 10.99.0.1
    done
}
# pings_end WHAT NODE...: ends them; between the first answer and the last one of each none is missing
pings_end() {
    local what=$1 node answered last lost=0 all=0
    shift
    # the answers to the last ones
    sleep 2
    for node in "$@"; do stop "$node" pings INT; done
    for node in "$@"; do
        answered=$(grep -c 'icmp_seq=.*time=' "$logs/$node/pings.log")
        last=$(sed -n 's/.*icmp_seq=\([0-9]*\) .*time=.*/\1/p' "$logs/$node/pings.log" | tail -n 1)
        [ "$answered" -ge 5 ] || fail "$what: $node pings ($answered answers)"
        [ "$answered" = "$last" ] || say "$node: $answered answers of $last"
        lost=$((lost + ${last:-0} - answered)) all=$((all + ${last:-0}))
    done
    check_equal "$what: pings lost of $all by $# others" 0 $lost
}

# client_crashes NODE: its programs are killed, its kernel forgets; it may dial again
client_crashes() {
    local node=$1 tunnel
    kill -KILL "$(on "$node" cat /run/ppp0.pid)" "$(pid_of "$node" xl2tpd)" "$(pid_of "$node" charon)"
    wait_for 10 ppp_gone "$node"
    ip -n "$node" xfrm state flush
    ip -n "$node" xfrm policy flush
    for tunnel in $(on "$node" ip l2tp show tunnel | sed -n 's/^Tunnel \([0-9]*\).*/\1/p'); do
        on "$node" ip l2tp del tunnel tunnel_id "$tunnel"
    done
    rm -f "$(root_of "$node")"/run/charon.vici "$(root_of "$node")"/run/charon.pid "$(root_of "$node")"/run/xl2tpd.pid
}

# gateway_sends_nothing_in_clear: whatever address it claims to have: an operator's own NAT may have changed it
gateway_sends_nothing_in_clear() {
    local mac filter
    mac=$(ip -n gw -o link show dev eth0 | sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p')
    filter="ether src $mac and ip and not (udp port 500 or udp port 4500 or esp)"
    [ "$(captured gw "$filter")" = 0 ] || tcpdump -Z root -n -r "$logs/gw.pcap" "$filter" 2>/dev/null | head -n 5
    check_equal "$1: nothing in clear from the gateway" 0 "$(captured gw "$filter")"
}
