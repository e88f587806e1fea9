# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A stock client with a pre-shared key gets an address and pings; the daemon can tell of it.
# boot: calls
one_client
culvert_start gw
require "the client connects" client_connect client $gateway_address
check "the address is of the pool" grep -q '^10\.99\.0\.' <(ppp_address client)
check "ping through the call" pings client 10.99.0.1 3
check "the client got the DNS server" grep -q 'primary   DNS address 10.99.0.53' "$logs/client/pppd.log"
check_equal "one session" 1 "$(session_count)"
check "culvertctl status" culvertctl status
check "culvertctl show" culvertctl show "$(culvert_traces | head -n 1)"
check "the user's name is shown" grep -q alice <(culvertctl sessions)
say "$(culvertctl sessions)"
check "the kernel's idle time is known" grep -Eq '"idleSeconds" : [0-9]{1,2}(,|$)' <(culvertctl sessions --json)
say "$(culvertctl sessions --json | grep -E 'Seconds|Bytes|Packets')"
check "filters by user and prefix" grep -q '^alice ' <(
    culvertctl sessions --user 'al*' --address 10.99.0.0/16 --columns user,idle,rx,tx,mtu --no-header
)
check "what would end is listed" grep -q alice <(culvertctl terminate --peer 0.0.0.0/0 --dry-run)
check_equal "and goes on" 1 "$(session_count)"
say "the kernel's MTU: $(ip -n gw -o link show type ppp | grep -o 'mtu [0-9]*')"
nothing_in_clear gw
