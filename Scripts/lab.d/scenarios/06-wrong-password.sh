# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A user with the wrong password is refused, and the log says why.
# boot: refusals
one_client
culvert_start gw
require "the SAs come up" ipsec_connect client $gateway_address
l2tp_start client $gateway_address pass=wrong
l2tp_dial client
check_log "the gateway says so" "authentication user-refused"
check "the client was told" wait_for 10 grep -qi 'authentication failed' "$logs/client/pppd.log"
check "no PPP device stays" wait_for 15 ppp_gone gw
check_equal "no session" 0 "$(session_count)"
check "the password is not in the log" not grep -rq -e secret1 "$logs/gw"
nothing_in_clear gw
