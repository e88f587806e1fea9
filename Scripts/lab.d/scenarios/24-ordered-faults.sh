# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Faults that were ordered: lost and doubled messages cost time only, a kernel that refuses costs one call.
# boot: refusals
one_client
culvert_start gw hello=10s echo=10s flags=--allow-impair sections="liveness: { grace: 30s, dead-peer-interval: 10s }"
impair() { on gw $stage/culvertctl impair "$@" --socket $culvert_socket; }
for fault in "drop quick-mode out" "drop main-mode in" "drop sccrp out" "double icrq in" "double icrp out" \
    "delay 1500ms iccn in" "drop chap-response in" "drop ipcp-configure-ack out" "corrupt quick-mode in --nth 2"; do
    check "order: $fault" impair $fault
done
t0=$(now_ms)
require "the client connects all the same" client_connect client $gateway_address
say "after $(($(now_ms) - t0)) ms"
say "$(impair list)"
check "ping" pings client 10.99.0.1
check "no more faults" impair clear
client_disconnect client
stop client xl2tpd
check_at_base 60

for fault in "fail install-outbound ENOMEM" "fail create-session ENOBUFS"; do
    check "order: $fault" impair $fault
    check "$fault: that call does not come up" not client_connect client $gateway_address up=8 patience=15 tries=1
    check "$fault: the log says so" culvert_log_has "${fault##* }"
    say "$(grep -F "refused" $logs/gw/culvertd.log | tail -n 1 | cut -c 1-300)"
    check "no more faults" impair clear
    l2tp_hangup client
    wait_for 10 ppp_gone client
    ipsec_disconnect client
    stop client xl2tpd
    check_at_base 60
    require "$fault: the next call comes up" client_connect client $gateway_address
    client_disconnect client
    stop client xl2tpd
    check_at_base 60
done
