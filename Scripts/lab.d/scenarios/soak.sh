# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What Scripts/soak runs: calls come, go and vanish over a wire that loses 1 %, for as long as one likes.
# boot: soak
# run: asked
# swarm: yes
duration=${LAB_SOAK_SECONDS:-600} clients=${LAB_SOAK_CLIENTS:-30}
node_add gw
wan_add
wan_attach gw $gateway_address
crowd_add
netem gw loss 1%
culvert_start gw users="$(crowd_users $clients)" pool=10.99.0.0/22 hello=20s echo=10s \
    sections="liveness: { grace: 30s, dead-peer-interval: 10s }"
samples=()
# sample: one line of everything that must not grow
sample() {
    local seconds=$((($(now_ms) - t0) / 1000))
    samples+=("$(culvert_memory)")
    printf 'second %5d: RSS %s KB, %s descriptors, %s threads; calls ike children tunnels sessions addresses: %s; ' \
        $seconds "${samples[-1]}" "$(culvert_descriptors)" "$(culvert_threads)" "$(culvert_gauges)"
    printf '%s; slab %s KB; %s log lines; refused in clear %s; swarm %s\n' "$(kernel_objects gw)" \
        "$(awk '/^SUnreclaim/ { print $2 }' /proc/meminfo)" "$(log_lines)" "$(nft_counter refused-out-in-clear)" \
        "$(tail -n 1 $logs/crowd/swarm.log | grep -o 'connected=.*')"
}
# quiet: everybody has gone
quiet() {
    swarm_stop "$1"
    check_at_base 60
    check_descriptors
}

# once before, so that what is made once and kept is there
t0=$(now_ms)
swarm_start warmup --clients $clients --rate 10
check "the first calls come up" wait_for 60 swarm_has warmup up $clients
quiet warmup

t0=$(now_ms)
swarm_start swarm --clients $clients --rate 5 --churn 60 --vanish 20 --ping 10.99.0.1
while [ $(($(now_ms) - t0)) -lt $((duration * 1000)) ]; do
    sample
    wait_step=$((duration < 600 ? 20 : 60))
    sleep $wait_step
    require "culvertd runs" runs gw culvertd
    require "the swarm runs" runs crowd swarm
done
sample
connected=$(swarm_value swarm connected)
check_at_least "calls came up all the time" $((clients * duration / 120)) "$connected"
check_at_most "calls that the wire lost" $((connected / 20 + 1)) "$(swarm_value swarm lost)"
quiet swarm
# the first fifth is for caches to fill
early=${samples[$((${#samples[@]} / 5))]}
late=${samples[-1]}
check_at_most "memory in KB, of $early at the beginning and a tenth for fluctuation" $((early * 11 / 10 + 1024)) "$late"
