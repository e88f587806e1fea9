# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The client hangs up, then deletes its SAs: nothing of the call is left, and it can come again.
# boot: calls
one_client
culvert_start gw
require "the client connects" client_connect client $gateway_address
l2tp_hangup client
check "the gateway's PPP device is gone" wait_for 15 ppp_gone gw
check "the gateway's tunnel is gone" wait_for 40 tunnels_gone gw
check "no session" wait_for 5 has_sessions 0
ipsec_disconnect client
check "the gateway's SAs are gone" wait_for 10 calls_gone gw
stop client xl2tpd
require "the client connects again" client_connect client $gateway_address
check "ping through the second call" pings client 10.99.0.1
nothing_in_clear gw
