# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Two clients behind the same NAT, both from inner port 1701, as Windows, macOS and Android do it.
# boot: calls
clients_behind_nat client second
culvert_start gw users="alice:secret1 bob:secret2"
require "the first connects" client_connect client $gateway_address
require "the second connects" client_connect second $gateway_address user=bob pass=secret2
check "they have different addresses" [ "$(ppp_address client)" != "$(ppp_address second)" ]
check "the first pings" pings client 10.99.0.1
check "the second pings" pings second 10.99.0.1
client_disconnect client
check "one session is left" wait_for 15 has_sessions 1
check "the second still pings" pings second 10.99.0.1
nothing_in_clear gw
