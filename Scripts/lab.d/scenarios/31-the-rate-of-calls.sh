# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What whole calls cost the daemon and its kernel, and how fast they come, with 1, 100 and 1,000; asked for by name only.
# boot: rate
# run: asked
# swarm: yes
# clock: instructions
# timeout: 2700
# The clock counts instructions: a million of them is a millisecond. The swarm shares the one processor with the
# daemon, so calls a second are those of both ends together; what the daemon's threads used is counted for it alone.
# A real client pings through its own call meanwhile. LAB_CALLS says how many; more want LAB_MEMORY=3G.
node_add gw
node_add client
wan_add
wan_attach gw $gateway_address
wan_attach client 203.0.113.10
crowd_add
read -r -a counts <<<"${LAB_CALLS:-1 100 1000}"
culvert_start gw users="alice:secret1 $(crowd_users "${counts[-1]}")" pool=10.99.0.0/18
require "the client connects" client_connect client $gateway_address echo=0

# daemon_work: nanoseconds that its threads have run, in the kernel too
daemon_work() { cat "/proc/$(pid_of gw culvertd)"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum }'; }
# last_up: when the last call came up, in milliseconds
last_up() { date -d "$(grep -F ' call-up ' $logs/gw/culvertd.log | tail -n 1 | cut -d' ' -f 1)" +%s%3N; }
# round_trip: microseconds of a ping of 1,000 bytes through the client's call; the first time fills caches
round_trip() {
    on client ping -q -f -s 1000 -c 100 10.99.0.1 >/dev/null
    on client ping -q -f -s 1000 -c 200 10.99.0.1 | sed -n 's/^rtt.*= [0-9.]*\/\([0-9]*\)\.\([0-9]*\).*/\1\2/p' | sed 's/^0*//'
}
say "alone: a packet there and back $(round_trip) us"
for count in "${counts[@]}"; do
    before=$(daemon_work) t0=$(now_ms)
    swarm_start "swarm-$count" --clients "$count" --rate 1000 --at-once 32 --silence 100000 --patience 100000
    require "$count calls come up" wait_for 1000 swarm_has "swarm-$count" up "$count"
    took=$(($(last_up) - t0)) work=$(($(daemon_work) - before))
    say "$count calls: $((count * 1000 / took)) a second, $((work / count / 1000)) thousand instructions of the daemon for each," \
        "a packet there and back $(round_trip) us, $(culvert_memory) KB"
    swarm_stop "swarm-$count"
    check "$count calls go" wait_for 300 has_sessions 1
done
client_disconnect client
check_at_base 60
