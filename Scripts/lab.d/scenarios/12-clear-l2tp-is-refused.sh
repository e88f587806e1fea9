# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# L2TP without IPsec never reaches the daemon, and nobody answers it.
# boot: refusals
one_client
culvert_start gw
before=$(culvert_counter packets.received)
l2tp_start client $gateway_address
l2tp_dial client
sleep 6
check "no PPP device" ppp_gone client
check_at_least "the client did send L2TP in clear" 2 "$(captured gw "udp dst port 1701 and dst host $gateway_address")"
check_equal "the gateway sent nothing back" 0 "$(captured gw "ip and src host $gateway_address")"
check_equal "the daemon saw no packet" "$before" "$(culvert_counter packets.received)"
check_at_least "a guard of ours counted them" 2 "$(nft_counter refused-l2tp-in-clear)"
