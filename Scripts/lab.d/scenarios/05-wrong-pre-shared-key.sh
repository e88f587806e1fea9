# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A client with the wrong pre-shared key is refused, and the log says why.
# boot: refusals
one_client
culvert_start gw
check "the client is refused" not ipsec_connect client $gateway_address psk=not-the-secret tries=1
check_log "the gateway says so" "ike authentication-failed"
check "no SA" not child_up gw
check "no SA at the client" not child_up client
check "the secret is not in the log" not grep -rq -e lab-secret "$logs/gw"
