# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# With and without perfect forward secrecy, in the group that RouterOS asks for too; the same gateway for all.
# boot: offers
one_client
node_add second
wan_attach second 203.0.113.11
culvert_start gw users="alice:secret1 bob:secret2" legacy="[{ name: modp1024, clients: [strongswan, routeros] }]"
require "with ECP 256" client_connect client $gateway_address esp=aes256-sha256-ecp256 rekey=20s
require "with MODP 1024, as RouterOS does it" \
    client_connect second $gateway_address esp=aes256-sha1-modp1024 user=bob pass=secret2 rekey=20s
check "the first pings" pings client 10.99.0.1
check "the second pings" pings second 10.99.0.1
sleep 25
check "the first pings after rekeying" pings client 10.99.0.1
check "the second pings after rekeying" pings second 10.99.0.1
check_at_least "both have rekeyed" 4 "$(culvert_log_count child-established)"
client_disconnect client
client_disconnect second
stop client xl2tpd
check_at_base
require "without any" client_connect client $gateway_address esp=aes256-sha256
check "ping" pings client 10.99.0.1
client_disconnect client
check_at_base
nothing_in_clear gw
