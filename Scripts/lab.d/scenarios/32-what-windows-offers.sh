# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A client that offers what Windows offers, from port 1701, plain and behind a NAT; no perfect forward secrecy.
# boot: offers
windows_ike=aes256-sha1-ecp384,aes128-sha1-ecp256,aes256-sha1-modp2048,3des-sha1-modp2048,3des-sha1-modp1024
windows_esp=aes256-sha1,aes128-sha1,3des-sha1
clients_behind_nat client
node_add second
wan_attach second 203.0.113.10
culvert_start gw users="alice:secret1 bob:secret2"
require "it connects behind a NAT" client_connect client $gateway_address ike=$windows_ike esp=$windows_esp
require "it connects without one" \
    client_connect second $gateway_address ike=$windows_ike esp=$windows_esp user=bob pass=secret2
check "the first pings" pings client 10.99.0.1
check "the second pings" pings second 10.99.0.1
check "ESP is AES with SHA-1" grep -q 'auth-trunc hmac(sha1)' <(ip -n gw xfrm state list)
check "no legacy algorithm was needed" not culvert_log_has legacy-algorithm
client_disconnect client
client_disconnect second
check_at_base
nothing_in_clear gw
