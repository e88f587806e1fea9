# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Forty clients in one process come, and go, and come again: nothing piles up.
# boot: crowd
# swarm: yes
# timeout: 600
one_client
crowd_add
culvert_start gw users="$(crowd_users 40)" pool=10.99.0.0/22
# crowd_comes NAME: forty calls, then none
crowd_comes() {
    swarm_start "$1" --clients 40 --rate 20 --patience 300 --silence 90 --ping 10.99.0.1
    check "$1: forty calls come up" wait_for 60 swarm_has "$1" up 40
    say "$(tail -n 1 $logs/crowd/$1.log); $(culvert_descriptors) descriptors, $(culvert_memory) KB"
    check_equal "$1: all have an address of their own" 40 "$(swarm_value "$1" addresses)"
    check_equal "$1: the gateway has forty sessions" 40 "$(session_count)"
    swarm_stop "$1"
    check_at_base 20
    check_descriptors
}
crowd_comes first
crowd_comes second
