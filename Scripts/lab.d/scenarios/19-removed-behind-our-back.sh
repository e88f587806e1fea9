# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Somebody removes the device, the session or the SAs of a call: it is noticed, told, and either healed or over.
# boot: time
one_client
culvert_start gw hello=10s echo=10s sections="liveness: { grace: 30s, dead-peer-interval: 10s }"
# again: the client dials, with what it had torn down
again() {
    if [ -n "$dialled" ]; then
        client_disconnect client
        stop client xl2tpd
        check_at_base 60
    fi
    dialled=1
    require "$1: the client connects" client_connect client $gateway_address
    lines=$(log_lines)
}
# told WHAT PATTERN: the log has a line of warning since
told() {
    if wait_for 40 log_since "$2"; then
        say "ok: $1: $(tail -n +$((lines + 1)) $logs/gw/culvertd.log | grep -E -m 1 -- "$2" | cut -c 1-300)"
    else
        fail "$1: no line since has $2"
    fi
}
log_since() { tail -n +$((lines + 1)) $logs/gw/culvertd.log | grep -qE -- "$1"; }
dialled=

again "the device"
ip -n gw link del "$(ip -n gw -o link show type ppp | sed -n 's/^[0-9]*: \([^:]*\):.*/\1/p')"
told "the device" ' session-vanished | call-down '
check "the device: its session is over" wait_for 20 has_sessions 0
check "the device: the client was told" wait_for 30 ppp_gone client

again "the session"
read -r session tunnel < <(on gw ip l2tp show session | sed -n 's/^Session \([0-9]*\) in tunnel \([0-9]*\).*/\1 \2/p')
on gw ip l2tp del session tunnel_id $tunnel session_id $session
told "the session" ' session-vanished | call-down '
check "the session: it is over" wait_for 20 has_sessions 0
check "the session: the client was told" wait_for 30 ppp_gone client

again "the SAs"
ip -n gw xfrm state flush
told "the SAs" ' child-[a-z-]* | call-down | reconciled'
healed_or_over() { on client ping -c 1 -W 2 10.99.0.1 || has_sessions 0; }
check "the SAs: healed or over" wait_for 40 healed_or_over
say "$(tail -n +$((lines + 1)) $logs/gw/culvertd.log | grep -v ' debug ' | tail -n 3 | cut -c 1-250)"

again "afterwards"
check "ping" pings client 10.99.0.1
client_disconnect client
check_at_base 60
sent_nothing_in_clear gw
