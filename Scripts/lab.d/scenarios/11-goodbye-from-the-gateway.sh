# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# culvertctl terminate ends one call; SIGTERM ends all: the client is told each time, and the kernel is clean.
# boot: calls
one_client
culvert_start gw
require "the client connects" client_connect client $gateway_address
check "culvertctl terminate" culvertctl terminate "$(culvert_traces | head -n 1)"
check "the client's PPP device goes" wait_for 15 ppp_gone client
check "the client was told, it did not time out" grep -q 'rcvd \[LCP TermReq\|Terminating on signal\|Modem hangup' \
    "$logs/client/pppd.log"
check "no session" wait_for 10 has_sessions 0
check "the gateway's PPP device is gone" wait_for 10 ppp_gone gw
stop client xl2tpd
ipsec_disconnect client
check "the gateway's SAs are gone" wait_for 15 not child_up gw
require "the client connects again" client_connect client $gateway_address
culvert_stop
check "the client's PPP device goes" wait_for 15 ppp_gone client
check "the client's SAs go" wait_for 15 not child_up client
nothing_in_clear gw
