# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A client sleeps for less than the grace and keeps its call; for longer and loses it; one is killed and dials again.
# boot: time
# timeout: 900
one_client
culvert_start gw users="alice:secret1:10.99.0.7" hello=10s echo=10s \
    sections="liveness: { grace: 30s, dead-peer-interval: 10s }"
# asleep: the programs of the client that speak
asleep() { kill "-$1" "$(pid_of client charon)" "$(pid_of client xl2tpd)" "$(pppd_of_client)"; }
pppd_of_client() { on client cat /run/ppp0.pid; }
# like a phone that does not answer, nor lose anything
require "the client connects" client_connect client $gateway_address echo=60
asleep STOP
netem client loss 100%
sleep 18
netem client
asleep CONT
check "after 18 s of sleep the call goes on" pings client 10.99.0.1 5
check_equal "no call went down" 0 "$(culvert_log_count ' call-down ')"

# programs that hang, while the kernel's traffic shows that the peer lives
start client pings ping -i 2 10.99.0.1
asleep STOP
sleep 36
check_equal "who sends data is not dead, however long its programs hang" 0 "$(culvert_log_count ' call-down ')"
asleep CONT
stop client pings INT
check "ping" pings client 10.99.0.1 5

asleep STOP
netem client loss 100%
t0=$(now_ms)
check "a peer that is silent for longer is gone" wait_for 60 culvert_log_has " call-down "
took=$((($(now_ms) - t0) / 1000))
check_at_least "not before the grace is over, in seconds" 25 $took
check_at_most "but soon after, in seconds" 60 $took
say "$(grep ' call-down ' $logs/gw/culvertd.log | tail -n 1 | cut -c 1-300)"
check_at_base 60
netem client
asleep CONT
client_disconnect client
wait_for 30 ppp_gone client
stop client xl2tpd

require "the client connects again" client_connect client $gateway_address
check_equal "with its address" 10.99.0.7 "$(ppp_address client)"
# it crashes, and comes back before anybody missed it
kill -KILL "$(pppd_of_client)" "$(pid_of client xl2tpd)" "$(pid_of client charon)"
wait_for 10 ppp_gone client
ip -n client xfrm state flush
ip -n client xfrm policy flush
for tunnel in $(on client ip l2tp show tunnel | sed -n 's/^Tunnel \([0-9]*\).*/\1/p'); do on client ip l2tp del tunnel tunnel_id $tunnel; done
rm -f "$(root_of client)"/run/charon.vici "$(root_of client)"/run/charon.pid "$(root_of client)"/run/xl2tpd.pid
t0=$(now_ms)
require "a crashed client dials again" client_connect client $gateway_address
say "after $(($(now_ms) - t0)) ms"
check_equal "with the same address" 10.99.0.7 "$(ppp_address client)"
check "it pings" pings client 10.99.0.1 5
check_equal "one session" 1 "$(session_count)"
client_disconnect client
check_at_base 60
