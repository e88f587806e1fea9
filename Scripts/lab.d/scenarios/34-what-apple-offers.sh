# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A client that offers what macOS and iOS offer: main mode, and aggressive mode with a group name; traffic from a port of
# its choice.
# boot: offers
apple_ike=aes256-sha256-modp2048,aes256-sha1-modp2048,aes256-md5-modp2048,aes256-sha512-modp2048
apple_esp=aes256-sha256,aes256-sha1,aes128-sha256,aes128-sha1,3des-sha1
clients_behind_nat client
node_add second
wan_attach second 203.0.113.10
culvert_start gw users="alice:secret1 bob:secret2"
require "main mode behind a NAT" \
    client_connect client $gateway_address ike=$apple_ike esp=$apple_esp lport=56322 patience=150
check "ping" pings client 10.99.0.1
check "a group name is refused while nobody allows it" \
    not ipsec_connect second $gateway_address ike=$apple_ike esp=$apple_esp aggressive=yes id=keyid:sales tries=1
check_log "the log says so" "aggressive-mode-refused"
client_disconnect client
stop client xl2tpd
check_at_base
culvert_stop
culvert_start gw users="alice:secret1 bob:secret2" groups=sales
check_log "the risk is in the log at the start" "aggressive-mode shows a hash"
require "aggressive mode as sales" client_connect second $gateway_address ike=aes256-sha256-modp2048 esp=$apple_esp \
    aggressive=yes id=keyid:sales lport=56323 user=bob pass=secret2 patience=150
check "ping" pings second 10.99.0.1
require "the same behind a NAT" client_connect client $gateway_address ike=aes256-sha256-modp2048 esp=$apple_esp \
    aggressive=yes id=keyid:sales lport=56324 patience=150
check "ping behind the NAT" pings client 10.99.0.1
check "the group is shown" grep -q sales <(culvertctl sessions --json)
client_disconnect second
client_disconnect client
stop second xl2tpd
check_at_base
check "another group is refused" not ipsec_connect second $gateway_address ike=aes256-sha256-modp2048 esp=$apple_esp \
    aggressive=yes id=keyid:strangers tries=1
nothing_in_clear gw
