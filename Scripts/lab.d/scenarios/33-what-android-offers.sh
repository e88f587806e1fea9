# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A client that offers what Android 7 to 11 offers: MODP 1024 only, which takes leave; port 0 in its selector, another port
# in its packets.
# boot: offers
android_ike=aes256-sha384-modp1024,aes256-sha256-modp1024,aes256-sha1-modp1024,aes128-sha1-modp1024,3des-sha1-modp1024
android_esp=aes256-sha1,aes256-sha256,aes128-sha1,3des-sha1
one_client
culvert_start gw
check "without leave it is refused" not ipsec_connect client $gateway_address ike=$android_ike esp=$android_esp tries=1
check_log "the log says what is missing" "needs allow-legacy"
culvert_stop
culvert_start gw legacy="[{ name: modp1024, clients: [strongswan], until: 2099-12-31 }]"
require "with leave for its make it connects" \
    client_connect client $gateway_address ike=$android_ike esp=$android_esp lport=50123 selector=any
check "ping" pings client 10.99.0.1
check_log "the legacy algorithm is named" "legacy-algorithm"
check_equal "and counted" 1 "$(culvert_counter ike.legacy-modp1024)"
client_disconnect client
stop client xl2tpd
check_at_base
culvert_stop
culvert_start gw legacy="[{ name: modp1024, until: 2020-12-31 }]"
check "leave that has ended is none" not ipsec_connect client $gateway_address ike=$android_ike esp=$android_esp tries=1
check_log "the log says that it has ended" "legacy-grant-ended"
nothing_in_clear gw
