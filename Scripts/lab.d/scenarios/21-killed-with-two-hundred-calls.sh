# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 with 200 calls and a stock client up: the next start removes what is ours, only that, and all come back.
# boot: crowd
# swarm: yes
# timeout: 900
calls=200
one_client
crowd_add
# other people's: an SA of each mode, a policy, a table, a tunnel, and a device with a name like ours
ip -n gw xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 reqid 16385 mode transport \
    aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
ip -n gw xfrm state add src 192.0.2.1 dst 192.0.2.3 proto esp spi 0x1002 reqid 0x12344321 mode tunnel \
    aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128
ip -n gw xfrm policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir out \
    tmpl src 192.0.2.1 dst 192.0.2.3 proto esp reqid 0x12344321 mode tunnel
on gw nft add table inet theirs
on gw ip l2tp add tunnel tunnel_id 3000 peer_tunnel_id 4000 encap udp local $gateway_address remote 203.0.113.99 \
    udp_sport 5000 udp_dport 6000
ip -n gw link add cv77 type dummy
foreign() {
    ip -n gw xfrm state list | grep -A 2 'src 192.0.2.1'
    ip -n gw xfrm policy list | grep 'src 192.0.2.0/24 dst 198.51.100.0/24'
    on gw nft list tables | grep theirs
    on gw ip l2tp show tunnel tunnel_id 3000
    ip -n gw -o link show cv77 | cut -d: -f2
}
# ours: what a gateway has in the kernel that is not theirs
ours() {
    ip -n gw xfrm state list | grep 'proto esp' | grep -v 'spi 0x0000100[12] '
    on gw ip l2tp show tunnel | grep '^Tunnel' | grep -v 'Tunnel 3000,'
    ip -n gw -o link show type ppp
}
foreign_before=$(foreign)
check_at_least "the witnesses are there" 14 "$(grep -c . <<<"$foreign_before")"

culvert_start gw users="alice:secret1:10.99.2.7 $(crowd_users $calls)" pool=10.99.0.0/22 echo=10s
require "a stock client connects" client_connect client $gateway_address redial=yes echo=3 dpd=4s dpdtimeout=12s \
    dpdaction=restart
t0=$(now_ms)
swarm_start swarm --clients $calls --rate 20 --patience 120 --ping 10.99.0.1 --ping-interval 10 --redial
check "$calls calls come up" wait_for 100 swarm_has swarm up $calls
say "up after $(($(now_ms) - t0)) ms; $(kernel_objects gw); $(culvert_memory) KB"

# nobody calls until the kernel was looked at
kill -STOP "$(pid_of crowd swarm)" "$(pid_of client charon)"
t0=$(now_ms)
kill -KILL "$(pid_of gw culvertd)"
check "the killed process is gone" wait_for 60 not runs gw culvertd
say "gone after $(($(now_ms) - t0)) ms; it left $(kernel_objects gw)"
check_at_least "it left SAs" 300 "$(ip -n gw xfrm state list | grep -c 'proto esp')"
t0=$(now_ms)
culvert_run gw
require "it starts again" wait_for 60 culvert_ready
say "ready after $(($(now_ms) - t0)) ms"
check_log "the log says what was removed" "leftovers"
check_equal "nothing of the old calls is in the kernel" "" "$(ours | head -n 3)"
check_equal "what is not ours was left alone" "$foreign_before" "$(foreign)"

kill -CONT "$(pid_of crowd swarm)" "$(pid_of client charon)"
t0=$(now_ms)
stock_is_back() { ppp_up client && pings client 10.99.0.1 1; }
check "the stock client is back" wait_for 100 stock_is_back
say "after $(($(now_ms) - t0)) ms"
check_equal "with its address" 10.99.2.7 "$(ppp_address client)"
check "it pings" pings client 10.99.0.1 5
check "$calls calls are back" wait_for 100 swarm_has swarm up $calls
say "after $(($(now_ms) - t0)) ms: $(tail -n 1 $logs/crowd/swarm.log)"
check_equal "each with an address of its own" $calls "$(swarm_value swarm addresses)"
check_equal "the gateway counts the same" $((calls + 1)) "$(session_count)"
swarm_stop swarm
client_disconnect client
stop client xl2tpd
ip -n gw xfrm policy deleteall
ip -n gw xfrm state deleteall src 192.0.2.1
on gw ip l2tp del tunnel tunnel_id 3000
check_at_base 60
# Between the kill and the next start the rule set is gone and the SAs are not: what comes through them finds no socket,
# and the kernel says so, quoting it in clear, once in a second for each peer. With a live daemon that cannot be.
quotes="icmp[0] = 3 and src host $gateway_address"
say "the kernel's complaints while there was no daemon: $(captured gw "$quotes")"
check_equal "nothing else in clear from the gateway" 0 \
    "$(captured gw "ip and src host $gateway_address and not (udp port 500 or udp port 4500 or esp or $quotes)")"
