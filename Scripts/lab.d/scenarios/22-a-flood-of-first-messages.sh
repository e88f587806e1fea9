# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A thousand first messages a second from four thousand addresses that never go on: a real client still comes through.
# boot: crowd
# swarm: yes
# timeout: 600
one_client
crowd_add
culvert_start gw
before=$(culvert_memory)
# more than a slow machine needs to let the client in; it is ended then
swarm_start flood --flood 100000 --clients 4000 --rate 1000
flood_runs() { runs crowd flood; }
firsts() { culvert_counter ike.first-messages; }
sleep 2
require "a stock client connects meanwhile" client_connect client $gateway_address
check "the flood still ran" flood_runs
check "it pings" pings client 10.99.0.1 3
check_at_least "first messages came" 2000 "$(firsts)"
during=$(culvert_memory)
stop crowd flood KILL
check "the flood is over" not flood_runs
say "memory: $before KB before, $during KB meanwhile, $(culvert_memory) KB after"
check_at_most "memory in KB grew by" 8192 $(($(culvert_memory) - before))
say "$(culvertctl status --json | tr -d ' \n' | grep -o '"\(ike\|packets\)\.[a-z0-9.-]*":[0-9]*' | paste -sd' ')"
check_at_most "log lines" 400 "$(log_lines)"
client_disconnect client
check_at_base 60
