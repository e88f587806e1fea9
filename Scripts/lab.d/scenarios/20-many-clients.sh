# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Forty clients in one process.
# boot: crowd
# swarm: yes
one_client
crowd_add
culvert_start gw users="alice:secret1 $(crowd_users 40)" pool=10.99.0.0/22
t0=$(now_ms)
swarm_start swarm --clients 40 --rate 10 --ping 10.99.0.1 --redial
check "forty calls come up" wait_for 60 swarm_has swarm up 40
say "up after $(($(now_ms) - t0)) ms: $(tail -n 1 $logs/crowd/swarm.log)"
check_equal "all have an address of their own" 40 "$(swarm_value swarm addresses)"
check_equal "the gateway has forty sessions" 40 "$(session_count)"
sleep 10
say "$(kernel_objects gw)"
swarm_stop swarm
check_at_base 20
nothing_in_clear gw
