# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Every native client of the vectors dials the real gateway, with simulated IKE, L2TP and PPP over the kernel's ESP.
# boot: crowd
# swarm: yes
node_add gw
wan_add
wan_attach gw $gateway_address
crowd_add
culvert_start gw users="$(crowd_users 40)" legacy="[modp1024, 3des, md5]" groups=staff
vectors=$(on gw $stage/culvertctl check --client list | tail -n +2 | awk '{ print $1 }')
count=$(wc -l <<<"$vectors")
swarm_start natives --vector all --clients "$count" --rate 2 --at-once 4 --patience 300 --silence 90 --ping 10.99.0.1 --ping-interval 2
check "all $count are up" wait_for 120 swarm_has natives up "$count"
check "they hear from the gateway" wait_for 20 swarm_has_at_least natives answers "$count"
check_equal "none was lost" 0 "$(swarm_value natives lost)"
culvertctl sessions
swarm_stop natives
check_at_base
