# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The gateway's administrator has NAT, conntrack and a firewall of his own: no call breaks, nothing leaks.
# boot: rules
# timeout: 1500
# One call, behind a NAT, lives through it all. A second client without NAT dials anew under each set of rules: what
# xl2tpd's and our own first datagrams meet is what conntrack, NAT and routes decide for the rest of a flow.
# what the administrator's tools would load
modprobe -qa nft_fib_inet nft_fib_ipv4 nft_fib_ipv6 nft_reject_inet nft_compat xt_policy xt_conntrack xt_MASQUERADE xt_nat \
    xt_tcpudp iptable_nat iptable_filter
clients_behind_nat client
node_add second
wan_attach second 203.0.113.10
culvert_start gw users="alice:secret1 bob:secret2"
require "the client connects" client_connect client $gateway_address echo=60
require "the second connects" client_connect second $gateway_address user=bob pass=secret2 echo=60

# what the administrator is shown
culvertctl rules >"$logs/rules.txt"
culvertctl rules --json >"$logs/rules.json"
# the others are the table, its counters and its chains
check_equal "every rule of ours is told" "$(on gw nft -a list table inet culvert | grep '# handle' | grep -vc '{ # handle')" \
    "$(grep -c '"action"' "$logs/rules.json")"
shown() { tr -d ' \n' <"$logs/rules.json" | sed -n "s/.*\"counter\":\"$1\"[^}]*\"packets\":\([0-9]*\).*/\1/p"; }
check_at_least "packets that culvertctl says were shifted in" 20 "$(shown shifted-in)"
check_at_most "of those that nft says were" "$(nft_counter shifted-in)" "$(shown shifted-in)"

# rules_become: the administrator's whole rule set, as `nft -f` reads it, from standard input
rules_become() {
    {
        printf 'flush ruleset\n'
        cat
    } | on gw nft -f - || fail "the administrator's rules are taken"
}
our_rules_are_there() { [ -n "$(nft_counter shifted-in)" ]; }
# lives WHAT: under the rules that are there
lives() {
    check "$1: our table is there" our_rules_are_there
    check "$1: the call that was there goes on" pings client 10.99.0.1
    client_disconnect second
    check "$1: a call ends" wait_for 30 has_sessions 1
    check "$1: a client gets its keys" ipsec_connect second $gateway_address
    l2tp_dial second
    check "$1: and its call" wait_for 40 ppp_up second
    check "$1: it pings" pings second 10.99.0.1
    gateway_sends_nothing_in_clear "$1"
}
# admin_counted: what the administrator's rules counted, for the log
admin_counted() { on gw nft list ruleset | sed -n '/table inet culvert/,/^}/d;s/^[[:space:]]*\(.*counter packets [1-9].*\)/    \1/p'; }

rules_become <<END
table ip admin {
    chain postrouting {
        type nat hook postrouting priority srcnat;
        udp sport 1701 counter snat to 203.0.113.77
        oifname eth0 counter masquerade
    }
}
END
lives "source NAT of port 1701 and of everything that leaves"
admin_counted

rules_become <<END
table ip admin {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        udp dport 1701 counter dnat to 203.0.113.99:1702
    }
    chain input {
        type nat hook input priority 100;
        udp dport 1701 counter snat to 203.0.113.98
    }
    chain output {
        type nat hook output priority -100;
        udp dport 1701 counter dnat to 203.0.113.97
        udp sport 1701 counter dnat to 203.0.113.96
    }
}
END
lives "destination NAT of port 1701"
admin_counted

rules_become <<END
table inet admin {
    chain everywhere {
        ct state invalid counter drop
        ct state new,established,related counter accept
    }
    chain prerouting { type filter hook prerouting priority mangle; jump everywhere; }
    chain input { type filter hook input priority filter; jump everywhere; }
    chain output { type filter hook output priority filter; jump everywhere; }
    chain postrouting { type filter hook postrouting priority filter; jump everywhere; }
}
END
# notrack is neither invalid nor new: nothing of the tunnel may depend on conntrack
lives "invalid packets are dropped"
admin_counted

firewall='
table inet admin {
    chain input {
        type filter hook input priority filter; policy drop;
        iifname lo accept
        iifname "cv*" accept
        udp dport { 500, 4500 } accept
        meta l4proto esp accept
        meta ipsec exists udp dport 1701 counter accept
        counter
    }
    chain output {
        type filter hook output priority filter; policy drop;
        oifname lo accept
        oifname "cv*" accept
        udp sport { 500, 4500 } accept
        meta l4proto esp accept
        rt ipsec exists udp sport 1701 counter accept
        counter
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        iifname "cv*" accept
        ct state established,related accept
    }
}'
rules_become <<<"$firewall"
lives "a firewall that drops what it does not know"
admin_counted

# the whole rule set goes and comes, again and again, while data moves
before=$(nft_counter shifted-in)
put gw /admin.nft <<<"$firewall"
sink_start
pings_begin client second
start gw reloader bash -c 'while nft flush ruleset && nft -f /admin.nft; do echo reloaded; done'
reloads() { grep -c reloaded "$logs/gw/reloader.log"; }
megabytes=0
while [ "$(reloads)" -lt 8 ] && [ $megabytes -lt 60 ]; do
    megabytes=$((megabytes + 1))
    # none like another
    pour second $((1000000 + megabytes))
    require "megabyte $megabytes arrives, after $(reloads) reloads" wait_for 60 poured second $((1000000 + megabytes))
done
check_at_least "reloads while data moved" 8 "$(reloads)"
check "they all went well" runs gw reloader
stop gw reloader
rules_become <<<"$firewall"
pings_end "while the rule set is reloaded" client second
check "our counters went on" [ "$(nft_counter shifted-in)" -gt $((before + 500)) ]
check "nobody else can delete our table" not on gw nft delete table inet culvert
check "nor flush it" not on gw nft flush table inet culvert
check "nor add to it" not on gw nft add rule inet culvert in accept
lives "after the reloads"

# strict reverse-path filtering, as sysctl and as rules
# shellcheck disable=SC2016
on gw sh -c 'for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $file; done; echo 1 > /proc/sys/net/ipv4/conf/all/log_martians'
rules_become <<END
table inet admin {
    chain prerouting {
        type filter hook prerouting priority raw + 10;
        fib saddr . iif oif missing counter drop
    }
}
END
lives "reverse paths are checked"
admin_counted

# somebody who forbids port 1701, with an answer: that takes calls down, but tells nobody what was in them
rules_become <<END
table inet admin {
    chain input {
        type filter hook input priority filter;
        udp dport 1701 counter reject
    }
}
END
quoted=$(nft_counter refused-quote-in-clear)
on client ping -c 3 -i 0.3 -W 1 10.99.0.1 >/dev/null
check "a firewall that rejects port 1701: its answers are kept back" [ "$(nft_counter refused-quote-in-clear)" -gt "$quoted" ]
gateway_sends_nothing_in_clear "a firewall that rejects port 1701"
rules_become <<<""
check "when it has gone the call goes on" wait_for 20 pings client 10.99.0.1

# iptables, where the machine has it: what most recipes for L2TP servers say
for command in iptables-nft iptables-legacy; do
    on gw $command -t nat -A POSTROUTING -o eth0 -j MASQUERADE 2>>"$logs/iptables" || {
        say "no $command here: $(tail -n 1 "$logs/iptables")"
        continue
    }
    on gw $command -t nat -A POSTROUTING -p udp --sport 1701 -j SNAT --to-source 203.0.113.77
    on gw $command -A INPUT -m policy --dir in --pol ipsec --proto esp -p udp --dport 1701 -j ACCEPT ||
        say "$command has no policy match"
    on gw $command -A INPUT -p udp --dport 1701 -j DROP
    on gw $command -A INPUT -m conntrack --ctstate INVALID -j DROP
    lives "$command"
    say "$(on gw $command -vnL INPUT | tr -s ' ' | tail -n +3 | cut -d' ' -f 2-5,11- | paste -sd';')"
    on gw $command -F
    on gw $command -t nat -F
done
rules_become <<<""

client_disconnect client
client_disconnect second
check_at_base 60
culvert_stop

# the name is taken
on gw nft add table inet culvert
touch "$logs/gw/culvertd.log"
start gw refused $stage/culvertd --config /etc/culvert/culvert.yaml
check "culvertd does not start beside a table of its name" wait_for 30 not runs gw refused
check "it says why" grep -q "nftables table 'inet culvert' exists already" "$logs/gw/refused.log"
say "$(grep -m 1 'exists already' "$logs/gw/refused.log" | cut -c 1-300)"
check "the table is as it was" on gw nft list table inet culvert
on gw nft delete table inet culvert
gateway_sends_nothing_in_clear "to the end"
