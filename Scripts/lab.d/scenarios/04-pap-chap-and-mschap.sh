# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# PAP, CHAP-MD5 and MS-CHAPv2, each in a call of its own inside the same SAs.
# boot: calls
one_client
culvert_start gw
o_user=alice o_pass=secret1 o_mtu=1400 o_echo=20
l2tp_ready=
# dial METHOD SAID REFUSED: a call in which the client refuses every other method
dial() {
    o_ppp=$3
    : >"$logs/client/pppd.log"
    if [ -z "$l2tp_ready" ]; then
        l2tp_start client $gateway_address "ppp=$3"
        l2tp_ready=1
    else
        ppp_write client
    fi
    l2tp_dial client
    check "$1: the client gets its address" wait_for 30 ppp_up client
    check "$1: the client authenticated with it" grep -q "sent \[LCP ConfAck.*<auth $2" "$logs/client/pppd.log"
    check "$1: ping" pings client 10.99.0.1 1
    l2tp_hangup client
    check "$1: the call ends" wait_for 15 ppp_gone client
    check "$1: the session ends" wait_for 10 has_sessions 0
}
require "the SAs come up" ipsec_connect client $gateway_address
dial MS-CHAPv2 "chap MS-v2" ""
dial CHAP-MD5 "chap MD5" "refuse-pap;refuse-mschap;refuse-mschap-v2;refuse-eap"
dial PAP pap "refuse-chap;refuse-mschap;refuse-mschap-v2;refuse-eap"
check "the SAs stayed" child_up client
ipsec_disconnect client
check "the SAs are gone" wait_for 10 not child_up gw
nothing_in_clear gw
