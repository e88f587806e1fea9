# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The rules that culvertctl firewall prints let a client through a firewall that drops by default; --apply, --remove.
# boot: rules
one_client
node_add server
ip link add eth1 netns gw type veth peer name eth0 netns server
ip -n gw -batch - <<END
addr add 10.50.0.1/24 dev eth1
link set eth1 up
END
ip -n server -batch - <<END
addr add 10.50.0.2/24 dev eth0
link set eth0 up
END
# no route to the peers: the server knows the gateway only
culvert_start gw

firewall() { on gw $stage/culvertctl firewall --config /etc/culvert/culvert.yaml "$@"; }
# lines_at HOOK: what it prints for a chain of the administrator's own
lines_at() { sed -n "/^#   at $1/,/^#   at \|^#\$/{/^#       /s/^# *//p}" "$logs/firewall.nft"; }
# administrator_drops [with]: a rule set that drops by default, with or without our lines
administrator_drops() {
    {
        printf 'table inet admin\ndelete table inet admin\ntable inet admin {\n'
        local hook
        for hook in input forward output; do
            printf 'chain %s {\ntype filter hook %s priority filter; policy drop;\niifname lo accept\n' $hook $hook |
                if [ $hook = output ]; then sed '/iifname/d'; else cat; fi
            [ "${1:-}" != with ] || lines_at $hook
            # for the sake of this test: who is pinged answers
            printf 'icmp type { echo-request, echo-reply } accept\ncounter\n}\n'
        done
        printf '}\n'
    } >"$logs/admin.nft"
    on gw nft -f - <"$logs/admin.nft"
}
tables() { on gw nft list tables | grep -c "inet culvert-firewall"; }
# table_of_ours: culvertd's own, without what it counts
table_of_ours() { on gw nft list table inet culvert | sed 's/packets [0-9]* bytes [0-9]*//'; }

# level_of FINDING: what the doctor makes of it
level_of() {
    on gw $stage/culvertctl doctor --config /etc/culvert/culvert.yaml --socket $culvert_socket --json | tr -d ' \n' |
        sed -n "s/.*\"id\":\"$1\",\"level\":\"\([a-z]*\)\".*/\1/p"
}

firewall >"$logs/firewall.nft"
ours=$(table_of_ours)
require "the administrator's rules are taken" administrator_drops
check_equal "the doctor sees that IKE is dropped" failure "$(level_of firewall-ike)"
check_equal "and L2TP" failure "$(level_of firewall-l2tp)"
check "without ours a client gets no keys" not ipsec_connect client $gateway_address tries=1 base=1 patience=10
require "the administrator's rules are taken with the printed lines" administrator_drops with
for finding in firewall-ike firewall-esp firewall-l2tp firewall-forward; do
    check_equal "the doctor finds nothing wrong with them: $finding" ok "$(level_of $finding)"
done
require "with them it connects" client_connect client $gateway_address
check "and pings" pings client 10.99.0.1

# clear L2TP, from another address than that of the client, for whom IPsec is demanded
refused() { nft_counter refused-l2tp-in-clear; }
ip -n client addr add 203.0.113.11/24 dev eth0
before=$(refused)
check "the kernel would take the table" firewall --check
check_equal "and has none" 0 "$(tables)"
firewall --apply --masquerade eth1 | sed 's/^/    /'
check_equal "--apply makes one" 1 "$(tables)"
first=$(on gw nft list table inet culvert-firewall | sed 's/packets [0-9]* bytes [0-9]*//')
check "--apply once more says that it replaces" grep -q replaced <(firewall --apply --masquerade eth1)
check_equal "and there is one" 1 "$(tables)"
check_equal "the same" "$first" "$(on gw nft list table inet culvert-firewall | sed 's/packets [0-9]* bytes [0-9]*//')"
on client ip route add 10.50.0.0/24 dev ppp0
check "the server, that knows no way to peers, answers what was masqueraded" pings client 10.50.0.2
in_clear() { on gw nft list table inet culvert-firewall | sed -n 's/.*udp dport 1701 counter packets \([0-9]*\).*drop.*/\1/p'; }
was_refused() { [ "$(in_clear)" -gt 0 ]; }
# shellcheck disable=SC2016
on client perl -e 'use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 17); bind($s, pack_sockaddr_in(5555, inet_aton("203.0.113.11"))) or die; send($s, "\xc8\x02" . "\0" x 18, 0, pack_sockaddr_in(1701, inet_aton("203.0.113.1"))) or die $!'
check "1701 in clear is refused" wait_for 10 was_refused
say "refused in clear: $(in_clear) by this table, $(($(refused) - before)) by culvertd's"
check "the client's call goes on" pings client 10.99.0.1
check_equal "culvertd's own table is as it was" "$ours" "$(table_of_ours)"

check "a name that is no interface is refused" not firewall --masquerade 'eth1"; flush ruleset'
client_disconnect client
check_at_base
sent_nothing_in_clear gw
culvert_stop
check_equal "the table stays when culvertd ends" 1 "$(tables)"
firewall --remove | sed 's/^/    /'
check_equal "--remove leaves none" 0 "$(tables)"
check "--remove once more has nothing to do" grep -q "nothing is to be done" <(firewall --remove)
