# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# iperf3 through the call: megabytes pass while the daemon receives nothing but echo and hello.
# boot: calls
one_client
culvert_start gw
require "the client connects" client_connect client $gateway_address echo=60
start gw iperf3 iperf3 -s -1 --forceflush -B 10.99.0.1
require "iperf3 listens" wait_for 15 grep -q 'Server listening' "$logs/gw/iperf3.log"
before=$(culvert_counter packets.received)
check "4 MB go through" on client iperf3 -c 10.99.0.1 -n 4M --logfile /var/log/iperf3.log
after=$(culvert_counter packets.received)
say "$(grep -E 'sender|receiver' "$logs/client/iperf3.log")"
check_at_most "packets the daemon received meanwhile" 4 $((after - before))
check_at_least "packets the kernel took over from ESP" 1000 "$(nft_counter shifted-in)"
check_at_least "packets the wire carried" 2000 "$(captured gw esp)"
