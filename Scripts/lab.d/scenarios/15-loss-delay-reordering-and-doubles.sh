# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A call comes up, carries pings and ends over a wire that loses, delays, reorders and doubles, in both directions.
# boot: time
# timeout: 900
# The client's own patience is raised where its defaults give up: charon's retransmissions (8 instead of 5, growing by
# 1.3 instead of 1.8), xl2tpd's retries (8 instead of 5).
one_client
culvert_start gw hello=20s echo=20s sections="liveness: { grace: 60s, dead-peer-interval: 10s }"
# over NAME NETEM-ARGUMENT...: one call over such a wire
over() {
    local what=$1 t0
    shift
    netem client "$@"
    t0=$(now_ms)
    if [ -z "$l2tp_ready" ]; then
        check "$what: the client connects" client_connect client $gateway_address tries=8 base=1.3 patience=200 \
            retries=8 echo=60
        l2tp_ready=1
    else
        check "$what: the SAs come up" ipsec_connect client $gateway_address tries=8 base=1.3 patience=200
        l2tp_dial client
        check "$what: the client gets its address" wait_for 60 ppp_up client
    fi
    say "$what: up after $(($(now_ms) - t0)) ms"
    # a lost Configure-Ack makes the ends begin IPCP anew, three seconds later
    check "$what: pings are answered" wait_for 40 pings client 10.99.0.1 6
    client_disconnect client
    netem client
    check_at_base 60
}
l2tp_ready=
over "20 % loss" loss 20%
over "delay and reordering" delay 500ms reorder 25% 50%
over "doubling" duplicate 10%
over "all together" loss 20% delay 500ms reorder 25% 50% duplicate 10%
say "retransmissions and duplicates: $(culvertctl status --json | tr -d ' \n' | grep -o '"[a-z0-9.-]*\(retrans\|duplic\|replay\)[a-z0-9.-]*":[0-9]*' | paste -sd' ')"
# the client takes its SAs down before xl2tpd has given up: what it says then is its own affair
sent_nothing_in_clear gw
