# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The lab itself: a strongSwan and xl2tpd client dials into a strongSwan and xl2tpd gateway.
# boot: calls
# gateway: none
one_client
reference_start gw
require "the client connects" client_connect client $gateway_address
check "ping through the call" pings client 10.99.0.1
client_disconnect client
check "the gateway's call is gone" wait_for 15 calls_gone gw
nothing_in_clear gw
stop gw xl2tpd
stop gw charon
