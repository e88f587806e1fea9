# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The API with curl, the stream of events, metrics, the page, security events and a log without names, while calls come and go.
# boot: rules
one_client
node_add second
wan_attach second 203.0.113.11
node_add stranger
wan_attach stranger 203.0.113.12
mkdir -p "$(root_of gw)/var/lib/culvert"
culvert_start gw users="alice:secret1 bob:secret2" \
    sections="metrics: { listen: 127.0.0.1:9702, page: true };log:;  security: { to: /var/log/security.json };  privacy: { names: pseudonym, addresses: pseudonym }"

# looks PATH OPTION...: asks on the read-only socket; administers: on the other
looks() { on gw curl -sN --max-time 10 --unix-socket /run/culvert/status.sock "${@:2}" "http://localhost$1"; }
administers() { on gw curl -sN --max-time 10 --unix-socket $culvert_socket "${@:2}" "http://localhost$1"; }
status_of() { "$@" -o /dev/null -w '%{http_code}'; }
web() { on gw curl -s --max-time 10 "${@:2}" "http://127.0.0.1:9702$1"; }
heard() { grep -F "\"kind\":\"$1\"" "$logs/gw/events.log" | grep -qF -- "$2"; }
security_has() { grep -F "\"action\":\"$1\"" "$logs/gw/security.json" | grep -qF -- "$2"; }
metric() { web /metrics | grep -F -- "$1 " | sed 's/.* //'; }
interface_of() { culvertctl sessions --user "$1" --columns interface --no-header | tr -d ' '; }

start gw events curl -sN --unix-socket /run/culvert/status.sock http://localhost/v1/events
start gw idle curl -sN --limit-rate 1 --unix-socket /run/culvert/status.sock http://localhost/v1/events
check "a listener gets a heartbeat at once" wait_for 5 heard heartbeat time
require "alice connects" client_connect client $gateway_address
require "bob connects" client_connect second $gateway_address user=bob pass=secret2
check "a stranger is refused" not ipsec_connect stranger $gateway_address psk=not-the-secret tries=1
start gw watch $stage/culvertctl sessions --socket $culvert_socket --json --watch=0.5

say "asking"
check "one call by its user" grep -q '"user":"alice"' <(looks '/v1/sessions?user=alice')
check "and not the other" not grep -q '"user":"bob"' <(looks '/v1/sessions?user=alice')
check "one call by its interface" grep -q '"user":"bob"' <(looks "/v1/sessions?interface=$(interface_of bob)")
check "a parameter that is not known is refused" grep -q 400 <(status_of looks '/v1/sessions?usr=alice')
check_equal "the read-only socket changes nothing" 403 "$(status_of looks /v1/terminate -d '{"all":true}')"
chmod 666 "$(root_of gw)$culvert_socket"
check_equal "nobody may not administer, whatever the mode of the file" 403 \
    "$(status_of on gw setpriv --reuid 65534 --regid 65534 --clear-groups curl -s --max-time 5 \
        --unix-socket $culvert_socket http://localhost/v1/status)"
check_equal "two calls are up" 2 "$(session_count)"

say "the stream of events"
check "it tells of alice's call" wait_for 5 heard call-up '"user":"alice"'
check "it tells who was refused" wait_for 5 heard refused '"peer":"203.0.113.12:'
check "it tells who was turned away" wait_for 5 heard refused '"event":"control.peer-refused"'

say "metrics and page"
check_equal "two calls are up" 2 "$(metric 'culvert_calls{state="up"}')"
check_equal "their set-up was timed" 2 "$(metric 'culvert_set_up_duration_seconds_count{phase="whole"}')"
check_equal "a wrong key is a refusal" 1 "$(metric 'culvert_refusals_total{layer="ike",reason="authentication-failed"}')"
check "the socket has the same" grep -qF 'culvert_calls{state="up"} 2' <(looks /metrics)
check "no name and no address is in them" not grep -qE 'alice|203\.0\.113' <(web /metrics)
web / >"$logs/gw/page.html"
check "the page shows who is there" grep -q alice "$logs/gw/page.html"
check_equal "a web page from elsewhere reads nothing" 421 "$(status_of web / -H 'Host: gateway.example.net')"
check_equal "nothing is changed over TCP" 405 "$(status_of web / -d x)"

say "what is written down"
check "who got in" security_has login-succeeded '"outcome":"success"'
check "whose key was wrong" security_has peer-key-refused '"outcome":"failure"'
check "who may not use the socket" security_has control-refused '"outcome":"failure"'
check "names and outer addresses are not in the log" not grep -qE 'alice|bob|203\.0\.113\.1[0-9]' "$logs/gw/culvertd.log"
check "nor in the security events" not grep -qE 'alice|bob|203\.0\.113\.1[0-9]' "$logs/gw/security.json"
pseudonym=$(grep -m 1 'control call-up' "$logs/gw/culvertd.log" | grep -o 'name_[a-z0-9]*' | head -n 1)
check "the administrator finds out who it was" grep -qF "$pseudonym: alice" <(on gw $stage/culvertctl reveal "$pseudonym")

say "ending calls"
check "by interface" culvertctl terminate --interface "$(interface_of bob)"
check "bob's peer was told" wait_for 15 ppp_gone second
check "the stream tells of it" wait_for 5 heard call-down '"user":"bob"'
check "alice still pings" pings client 10.99.0.1
check "by inner address, with curl" grep -q '"terminated":1' <(
    administers /v1/terminate -d "{\"address\":\"$(ppp_address client)\"}"
)
check "alice's peer was told" wait_for 15 ppp_gone client
check "the watch saw them come and go" grep -c '"sessions":\[\]' "$logs/gw/watch.log"
check "a reader that takes nothing is no burden" runs gw culvertd
stop gw watch
stop gw idle
for node in client second stranger; do
    stop $node xl2tpd
    ipsec_disconnect $node
done
check_at_base
