# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Ten clients behind one address, all from inner port 1701: all move data, one leaves and returns, one crashes.
# boot: nat
# timeout: 1500
# All ten are real ones. They dial in turn: ten programs that start at once take longer, emulated, than charon waits.
names=(c1 c2 c3 c4 c5 c6 c7 c8 c9 c10)
clients_behind_nat "${names[@]}"
users=
for name in "${names[@]}"; do users+="$name:secret1 "; done
culvert_start gw users="$users"
for name in "${names[@]}"; do
    require "$name connects" client_connect "$name" $gateway_address user="$name" echo=60
done
check_equal "ten sessions" 10 "$(session_count)"
check_equal "ten addresses" 10 "$(for name in "${names[@]}"; do ppp_address "$name"; done | sort -u | wc -l)"
check_equal "from one outer address" 203.0.113.20 "$(ip -n gw xfrm state list | sed -n 's/^src \(.*\) dst 203.0.113.1$/\1/p' | sort -u)"
check_equal "ten ports of the NAT" 10 \
    "$(ip -n gw xfrm state list | sed -n 's/.*espinudp sport \([0-9]*\) dport 4500 .*/\1/p' | sort -u | wc -l)"
# amounts that cannot be mistaken for each other
amounts=() bytes=100000
for name in "${names[@]}"; do
    amounts+=("$name=$bytes")
    bytes=$((bytes * 4 / 3))
done
move_data "${amounts[@]}"

others=(c1 c2 c4 c5 c6 c7 c8 c9 c10)
pings_begin "${others[@]}"
client_disconnect c3
check "the third leaves" wait_for 20 has_sessions 9
stop c3 xl2tpd
require "it comes back" client_connect c3 $gateway_address user=c3
pings_end "while one leaves and comes back" "${others[@]}"
check "it pings" pings c3 10.99.0.1
check_equal "ten sessions again" 10 "$(session_count)"

# a crash: no goodbye, and then the NAT has another port for it
others=(c1 c2 c3 c4 c6 c7 c8 c9 c10)
pings_begin "${others[@]}"
client_crashes c5
inside=192.168.7.14
on nat conntrack -D -s $inside >/dev/null 2>&1
on nat nft insert rule ip nat postrouting oifname eth0 ip saddr $inside udp sport 4500 masquerade to :31000-31999
require "one that crashed dials again, from another port" client_connect c5 $gateway_address user=c5
check "its associations are at the other port" grep -q 'sport 31[0-9][0-9][0-9] dport 4500' <(ip -n gw xfrm state list)
pings_end "while one crashes and dials again" "${others[@]}"
check "it pings" pings c5 10.99.0.1
check "its old call is over: ten sessions" wait_for 60 has_sessions 10
check_equal "twelve calls came up, of them" 12 "$(culvert_log_count ' call-up ')"
check_equal "two went down" 2 "$(culvert_log_count ' call-down ')"

move_data c1=100000 c3=150000 c5=225000
for name in "${names[@]}"; do client_disconnect "$name"; done
check_at_base 60
gateway_sends_nothing_in_clear "to the end"
