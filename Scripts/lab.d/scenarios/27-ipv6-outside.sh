# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Two clients over IPv6 and one over IPv4 at the same time, each with its data.
# boot: nat
# timeout: 600
# xl2tpd speaks IPv4 only: over IPv6 its datagrams go through a relay in the client, which is all that is not a real
# client's. IKE, ESP, L2TP and PPP are charon's, xl2tpd's and pppd's.
gateway_v6=2001:db8::1
node_add gw
wan_add
wan_attach gw $gateway_address
ip -n gw addr add $gateway_v6/64 dev eth0 nodad
for name in six sixth; do
    node_add $name
    ip link add w-$name netns wan type veth peer name eth0 netns $name
    ip -n wan link set w-$name master br0 up
    ip -n $name link set eth0 up
done
ip -n six addr add 2001:db8::10/64 dev eth0 nodad
ip -n sixth addr add 2001:db8::11/64 dev eth0 nodad
node_add four
wan_attach four 203.0.113.10
capture gw
# relay NODE ADDRESS: 127.0.0.2:1701 is the gateway
relay() {
    put "$1" /relay <<'END'
use strict;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
my ($own, $peer) = @ARGV;
socket(my $inside, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
bind($inside, pack_sockaddr_in(1701, inet_aton('127.0.0.2'))) or die "bind: $!";
socket(my $outside, AF_INET6, SOCK_DGRAM, 0) or die "socket: $!";
bind($outside, pack_sockaddr_in6(1701, inet_pton(AF_INET6, $own))) or die "bind: $!";
connect($outside, pack_sockaddr_in6(1701, inet_pton(AF_INET6, $peer))) or die "connect: $!";
$| = 1;
print "relaying\n";
my $client;
while (1) {
    my $ready = '';
    vec($ready, fileno($_), 1) = 1 for $inside, $outside;
    next if select($ready, undef, undef, undef) < 1;
    if (vec($ready, fileno($inside), 1)) {
        my $from = recv($inside, my $datagram, 65535, 0);
        if (defined $from) { $client = $from; send($outside, $datagram, 0); }
    }
    if (vec($ready, fileno($outside), 1)) {
        my $from = recv($outside, my $datagram, 65535, 0);
        send($inside, $datagram, 0, $client) if defined $from && defined $client;
    }
}
END
    start "$1" relay perl /relay "$2" $gateway_v6
    require "the relay of $1 runs" wait_for 20 grep -q relaying "$logs/$1/relay.log"
}
# connect_v6 NODE USER
connect_v6() {
    ipsec_connect "$1" $gateway_v6 || {
        say "$1: IPsec failed: $(tail -n 1 "$logs/$1/swanctl.log")"
        return 1
    }
    # the relay has port 1701
    l2tp_start "$1" 127.0.0.2 user="$2" lport=1702
    l2tp_dial "$1"
    wait_for 40 ppp_up "$1"
}

culvert_configure gw users="six:secret1 sixth:secret1 four:secret1"
sed -i 's/listen: \[0.0.0.0\]/listen: [0.0.0.0, "::"]/' "$(root_of gw)/etc/culvert/culvert.yaml"
mkdir -p "$(root_of gw)/run/culvert"
culvert_flags=
culvert_run gw
# it forwards nothing here; the data of the calls ends at the gateway
relay six 2001:db8::10
relay sixth 2001:db8::11
require "the first connects over IPv6" connect_v6 six six
require "one connects over IPv4" client_connect four $gateway_address user=four
require "the second connects over IPv6" connect_v6 sixth sixth
check_equal "three sessions" 3 "$(session_count)"
check_equal "associations of IPv6" 4 "$(ip -n gw xfrm state list | grep -c '^src 2001:db8:')"
check_equal "none in UDP" 0 "$(ip -n gw xfrm state list | grep -c espinudp)"
say "$(culvertctl sessions | tail -n 3)"
move_data six=200000 four=300000 sixth=450000

pings_begin four sixth
client_disconnect six
check "the first leaves" wait_for 20 has_sessions 2
stop six xl2tpd
require "it comes back" connect_v6 six six
pings_end "while one leaves and comes back" four sixth
check "it pings" pings six 10.99.0.1
check_equal "packets with a wrong UDP checksum, of IPv6" 0 "$(on gw sed -n 's/^Udp6InCsumErrors//p' /proc/net/snmp6 | tr -d ' \t')"
for name in six four sixth; do client_disconnect $name; done
check_at_base 60
nothing_in_clear gw
check_at_least "ESP in IPv6 was on the wire" 500 "$(captured gw 'ip6 and esp')"
# neighbours are asked for in clear, nothing else is said
check_equal "nothing else in clear over IPv6" 0 \
    "$(captured gw 'ip6 and not (udp port 500 or udp port 4500 or esp or (icmp6 and ip6[40] >= 133) or ip6[6] = 0)')"
