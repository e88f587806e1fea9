# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Many clients at once: culvert-swarm (Tests/Swarm) in a node of its own, each client with its own address.

crowd_network=198.18.0.0/16

# crowd_add [ROUTER]: the node "crowd"; every address of its network is its own, and ROUTER knows the way: gw, or what
# stands before it
crowd_add() {
    node_add crowd
    wan_attach crowd 203.0.113.30
    ip -n crowd route add local $crowd_network dev lo
    ip -n "${1:-gw}" route add $crowd_network via 203.0.113.30
}
# crowd_users COUNT: for culvert_start's users=
crowd_users() {
    local number
    for ((number = 0; number < $1; number++)); do printf 'user%d:secret1 ' $number; done
}
# swarm_start NAME ARGUMENT...: its output goes to crowd/NAME.log; another --gateway may be among the arguments
swarm_start() {
    local name=$1
    shift
    require "culvert-swarm is built (swift build -c release --static-swift-stdlib)" \
        test -x $stage/culvert-swarm
    start crowd "$name" $stage/culvert-swarm --gateway $gateway_address --first 198.18.0.1 "$@"
}
# swarm_value NAME KEY: of the last line
swarm_value() { sed -n "s/^\(swarm seconds\|flood\).* $2=\([0-9]*\).*/\2/p" "$logs/crowd/$1.log" | tail -n 1; }
swarm_has() { [ "$(swarm_value "$1" "$2")" = "$3" ]; }
swarm_has_at_least() { [ "$(swarm_value "$1" "$2")" -ge "$3" ]; }
swarm_is_over() { ! runs crowd "$1"; }
# swarm_stop NAME: everybody hangs up
swarm_stop() {
    kill -TERM "$(pid_of crowd "$1")" 2>/dev/null
    check "the swarm says goodbye" wait_for 40 swarm_is_over "$1"
    say "$(grep '^swarm seconds' "$logs/crowd/$1.log" | tail -n 1)"
    # reasons, the most frequent ones first
    sed -n 's/^down client=[0-9]* //p; /^kernel /p' "$logs/crowd/$1.log" | sort | uniq -c | sort -rn | head -n 5
}
