# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Nodes: a network namespace and a root of its own (charon, xl2tpd and pppd insist on fixed paths under /etc and /run),
# and the networks between them. 203.0.113.0/24 stands for the internet: a bridge in the namespace "wan".

nodes=/run/culvert-lab/nodes

# files_add NAME: this machine's files and the packages, to be changed at will, at the root_of NAME
files_add() {
    local place=$nodes/$1 layers=/run/culvert-lab/host
    [ ! -d /run/culvert-lab/peers/usr ] || layers=/run/culvert-lab/peers:$layers
    mkdir -p "$place"
    mount -t tmpfs "node-$1" "$place"
    mkdir -p "$place"/{upper,work,root}
    mount -t overlay "node-$1" -o "lowerdir=$layers,upperdir=$place/upper,workdir=$place/work" "$place/root"
}

# node_add NODE
node_add() {
    local node=$1 place=$nodes/$1 part
    ip netns add "$node" || return 1
    mkdir -p "$logs/$node"
    files_add "$node" || return 1
    for part in dev proc sys; do mount --rbind /$part "$place/root/$part"; done
    mount -t tmpfs -o mode=755 run "$place/root/run"
    mount -t tmpfs tmp "$place/root/tmp"
    mkdir -p "$place/root"/run/{lock,xl2tpd,culvert-lab/stage} "$place/root/etc/ppp"
    mount --bind $stage "$place/root/run/culvert-lab/stage"
    mount --bind "$logs/$node" "$place/root/var/log"
    rm -rf "$place/root/var/run" "$place/root"/etc/ppp/ip-{up,down}
    ln -s /run "$place/root/var/run"
    printf '127.0.0.1 localhost %s\n' "$node" >"$place/root/etc/hosts"
    rm -f "$place/root/etc/resolv.conf"
    : >"$place/root/etc/resolv.conf"
    ip -n "$node" link set lo up
}

root_of() { printf '%s/%s/root\n' $nodes "$1"; }

# on NODE COMMAND...: runs a command in the node
on() {
    local node=$1
    shift
    nsenter --net="/run/netns/$node" --root="$nodes/$node/root" --wd="$nodes/$node/root" "$@"
}

# start NODE NAME COMMAND...: a daemon in the node; its output goes to NODE/NAME.log
start() {
    local node=$1 name=$2
    shift 2
    nsenter --net="/run/netns/$node" --root="$nodes/$node/root" --wd="$nodes/$node/root" "$@" \
        >>"$logs/$node/$name.log" 2>&1 </dev/null &
    echo $! >"$nodes/$node/$name.pid"
}
pid_of() { cat "$nodes/$1/$2.pid"; }
runs() { kill -0 "$(pid_of "$1" "$2")" 2>/dev/null; }
# stop NODE NAME [SIGNAL]: and waits; true if it ended
stop() {
    [ -f "$nodes/$1/$2.pid" ] || return 0
    kill "-${3:-TERM}" "$(pid_of "$1" "$2")" 2>/dev/null
    wait_for 10 not runs "$1" "$2"
}

# put NODE PATH: standard input becomes a file of the node, mode 0600
put() {
    local file=$nodes/$1/root$2
    mkdir -p "${file%/*}"
    (umask 077 && cat >"$file")
}

# wan_add, then wan_attach NODE ADDRESS: eth0 of the node on the internet
wan_add() {
    ip netns add wan
    ip -n wan -batch - <<END
link add br0 type bridge mcast_snooping 0
link set br0 up
link set lo up
END
}
wan_attach() {
    ip link add "w-$1" netns wan type veth peer name eth0 netns "$1"
    ip -n wan link set "w-$1" master br0 up
    ip -n "$1" -batch - <<END
addr add $2/24 dev eth0
link set eth0 up
END
}

# netem NODE [ARGUMENT...]: what tc's netem does to packets between the node and the internet, in each direction;
# without arguments the wire is good again
netem() {
    local node=$1
    shift
    tc -n "$node" qdisc del dev eth0 root 2>/dev/null
    tc -n wan qdisc del dev "w-$node" root 2>/dev/null
    [ $# = 0 ] || { tc -n "$node" qdisc add dev eth0 root netem "$@" && tc -n wan qdisc add dev "w-$node" root netem "$@"; }
}

# nat_add NAT ADDRESS PREFIX: a masquerading box on the internet; PREFIX.1 (three octets given) is its inside
nat_add() {
    node_add "$1"
    wan_attach "$1" "$2"
    ip -n "$1" -batch - <<END
link add lan type bridge mcast_snooping 0
addr add $3.1/24 dev lan
link set lan up
END
    on "$1" sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    on "$1" nft -f - <<END || fail "nft in $1"
table ip nat {
    chain postrouting {
        type nat hook postrouting priority 100;
        oifname eth0 masquerade
    }
}
END
}
# nat_attach NAT NODE ADDRESS: eth0 of the node behind the NAT
nat_attach() {
    ip link add "l-$2" netns "$1" type veth peer name eth0 netns "$2"
    ip -n "$1" link set "l-$2" master lan up
    ip -n "$2" -batch - <<END
addr add $3/24 dev eth0
link set eth0 up
route add default via ${3%.*}.1
END
}

# capture NODE: records what passes on the node's wire, seen from the internet's side
capture() {
    nsenter --net=/run/netns/wan tcpdump -Z root -U -n -s 128 -i "w-$1" -w "$logs/$1.pcap" >/dev/null 2>"$logs/$1.tcpdump" &
    echo $! >"$nodes/capture-$1.pid"
    wait_for 15 grep -q 'listening on' "$logs/$1.tcpdump"
}
# captured NODE FILTER: how many recorded packets match
captured() { tcpdump -Z root -n -r "$logs/$1.pcap" "$2" 2>/dev/null | wc -l; }

# nothing_in_clear NODE: IKE, ESP (bare or in UDP 4500) and ARP are all that may be on the wire
nothing_in_clear() {
    local seen
    seen=$(captured "$1" 'ip and not (udp port 500 or udp port 4500 or esp)')
    [ "$seen" = 0 ] || tcpdump -Z root -n -r "$logs/$1.pcap" 'ip and not (udp port 500 or udp port 4500 or esp)' 2>/dev/null | head -n 5
    check_equal "nothing in clear on $1's wire" 0 "$seen"
    check_at_least "packets were captured" 4 "$(captured "$1" ip)"
}

# sent_nothing_in_clear NODE: where peers may, because their own SAs are gone
sent_nothing_in_clear() {
    local address
    address=$(ip -n "$1" -o -4 addr show dev eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')
    check_equal "nothing in clear from $1" 0 \
        "$(captured "$1" "ip and src host $address and not (udp port 500 or udp port 4500 or esp)")"
}

# pings NODE ADDRESS [COUNT]: one answer is enough
pings() { on "$1" ping -c "${3:-2}" -i 0.3 -W 4 "$2"; }
