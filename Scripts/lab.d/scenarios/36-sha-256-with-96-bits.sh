# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Kernels of Android 6 carry 96 bits of HMAC-SHA2-256 instead of 128, and nobody negotiates that.
# boot: offers
one_client
culvert_start gw profile="sha256-truncation: 96"
require "a client with 96 bits connects" client_connect client $gateway_address esp=aes256-sha256 sha96=yes
check "ping" pings client 10.99.0.1
check "the kernel has 96 bits" grep -q 'hmac(sha256) 0x[0-9a-f]* 96' <(ip -n gw xfrm state list)
check "culvertctl says so" grep -q 'sha256_96' <(culvertctl sessions --json)
client_disconnect client
stop client xl2tpd
check_at_base
culvert_stop
culvert_start gw
check "where the gateway takes it for one with 128, no L2TP comes up" \
    not client_connect client $gateway_address esp=aes256-sha256 sha96=yes up=5
ipsec_disconnect client
check "culvertctl explain names the cause" grep -q 'sha256-truncation' <(culvertctl explain --last)
