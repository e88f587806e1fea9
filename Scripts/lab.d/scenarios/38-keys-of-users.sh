# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Several pre-shared keys for unknown addresses in main mode; an old key and its successor; messages in pieces.
# boot: offers
one_client
node_add second
wan_attach second 203.0.113.11
culvert_start gw users="alice:secret1 bob:secret2" secrets="alice=key-of-alice-0123456789
alice=older-key-of-alice-4567
bob=key-of-bob-0123456789-xy"
require "alice with her key" client_connect client $gateway_address psk=key-of-alice-0123456789
require "bob with his" client_connect second $gateway_address psk=key-of-bob-0123456789-xy user=bob pass=secret2
check "alice pings" pings client 10.99.0.1
check "bob pings" pings second 10.99.0.1
check "culvertctl tells whose key it was" grep -q '"key":"bob"' <(culvertctl sessions --json | tr -d ' \n')
client_disconnect client
client_disconnect second
stop client xl2tpd
check_at_base
require "alice with the key that is to go" client_connect client $gateway_address psk=older-key-of-alice-4567
client_disconnect client
stop client xl2tpd
check "a key that is nobody's is refused" not ipsec_connect second $gateway_address psk=nobodys-key-0123456789 tries=1
check_log "the log says so" "ike authentication-failed"
check "no key is in the log" not grep -rq -e key-of -e nobodys "$logs/gw"
check_at_base
stop client charon
rm -f "$(root_of client)/run/charon.vici"
require "messages in pieces of 200 bytes are put together" \
    client_connect client $gateway_address psk=key-of-alice-0123456789 fragmentsize=200
check "ping" pings client 10.99.0.1
check_at_least "pieces were on the wire" 2 "$(captured gw 'udp dst port 500 and udp[24] = 132')"
client_disconnect client
check_at_base
nothing_in_clear gw
