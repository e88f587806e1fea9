# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Offers with nothing we accept, for IKE and for ESP: the log names what was offered, accepted and missing.
# boot: refusals
one_client
culvert_start gw
check "the IKE offer is refused" not ipsec_connect client $gateway_address ike=aes128-sha1-modp1024 tries=1
check_log "the gateway says so" "ike no-proposal-chosen"
check "the log names what was offered" grep -qi 'no-proposal-chosen.*modp.\?1024' "$logs/gw/culvertd.log"
check "the client was told" grep -q 'NO_PROPOSAL_CHOSEN\|NO_PROP' "$logs/client/swanctl.log"
check "the ESP offer is refused" not ipsec_connect client $gateway_address esp=3des-md5 tries=1
check_equal "a second refusal is logged" 2 "$(grep -c 'ike no-proposal-chosen' "$logs/gw/culvertd.log")"
say "$(grep 'ike no-proposal-chosen' "$logs/gw/culvertd.log")"
check "no SA" not child_up gw
require "the same client with a proper offer connects" client_connect client $gateway_address
