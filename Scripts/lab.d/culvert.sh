# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# culvertd under test.

culvert_node=
culvert_socket=/run/culvert/control.sock

# culvert_configure NODE [psk= secrets= groups= users= auth= proposals= legacy= pool= gateway= hello= echo= profile= sections=]: writes
# /etc/culvert. users: "alice:secret1 bob:secret2[:address]"; auth, proposals and legacy: YAML flow lists or names;
# profile: further keys of the profile, separated by ';'; sections: further sections, a line each, likewise.
# secrets: in place of psk, a line "name=key" for each; groups: names that may come in aggressive mode, in a profile of
# their own
culvert_configure() {
    local node=$1 user key o_psk=lab-secret o_users="alice:secret1" o_auth="[mschapv2, chap-md5, pap]" \
        o_proposals=l2tp-clients o_legacy="[]" o_pool=10.99.0.0/24 o_gateway=10.99.0.1 o_hello=60s o_echo=30s \
        o_profile= o_sections= o_flags= o_secrets= o_groups= secret="secret: { file: psk }"
    local -a field
    shift
    options "psk secrets groups users auth proposals legacy pool gateway hello echo profile sections flags" "$@"
    o_profile=${o_profile//;/$'\n'      }
    o_profile=${o_profile:+      $o_profile}
    [ -z "$o_groups" ] || o_groups="    - { name: groups, remote: any, secret: { file: psk }, proposals: $o_proposals,
        allow-legacy: $o_legacy, aggressive-mode: true, identities: [$o_groups] }"
    [ -z "$o_secrets" ] || secret="secrets: { file: keys.yaml }"
    put "$node" /etc/culvert/culvert.yaml <<END
gateway:
  name: gw.lab.example
  listen: [0.0.0.0]
ike:
  profiles:
    - name: remote-access
      remote: any
      authentication: psk
      $secret
      proposals: $o_proposals
      allow-legacy: $o_legacy
$o_profile
$o_groups
l2tp:
  require-ipsec: true
  hello-interval: $o_hello
ppp:
  echo-interval: $o_echo
  authentication: $o_auth
  dns: [10.99.0.53]
  mtu: auto
addresses:
  pools:
    - { name: office, range: $o_pool, gateway: $o_gateway }
users:
  file: users.yaml
control:
  socket: $culvert_socket
${o_sections//;/$'\n'}
END
    printf '%s\n' "$o_psk" | put "$node" /etc/culvert/psk
    {
        printf 'secrets:\n'
        while IFS='=' read -r user key; do printf '  - { name: %s, secret: "%s" }\n' "$user" "$key"; done <<<"$o_secrets"
    } | put "$node" /etc/culvert/keys.yaml
    {
        printf 'users:\n'
        for user in $o_users; do
            IFS=: read -r -a field <<<"$user"
            printf '  - { name: %s, secret: %s%s }\n' "${field[0]}" "${field[1]}" "${field[2]:+, address: ${field[2]}}"
        done
    } | put "$node" /etc/culvert/users.yaml
}

# culvert_start NODE [options of culvert_configure] [flags="--flag ..."]: true when it listens; ends the scenario
# otherwise
culvert_start() {
    local node=$1 argument
    culvert_flags=
    for argument in "${@:2}"; do [[ $argument != flags=* ]] || culvert_flags=${argument#flags=}; done
    culvert_configure "$@"
    mkdir -p "$(root_of "$node")/run/culvert"
    on "$node" sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"
    culvert_run "$node"
    base_descriptors=$(culvert_descriptors) base_threads=$(culvert_threads)
}
# culvert_run NODE: starts it with the configuration that is there
culvert_run() {
    local node=$1
    culvert_node=$node
    # the log goes on when it is started again
    touch "$logs/$node/culvertd.log"
    ready_before=$(culvert_log_count 'control ready')
    # no more capabilities than Docs/Examples/culvertd.service gives it
    start "$node" culvertd setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+net_admin,+net_bind_service \
        $stage/culvertd --config /etc/culvert/culvert.yaml $culvert_flags
    wait_for 60 culvert_ready_or_over
    if ! culvert_ready; then
        tail -n 20 "$logs/$node/culvertd.log"
        fail "culvertd is ready: $(tail -n 1 "$logs/$node/culvertd.log")"
        culvert_node=
        finish
    fi
    say "culvertd is ready"
}
culvert_ready_or_over() { culvert_ready || ! runs "$culvert_node" culvertd; }
culvert_ready() { runs "$culvert_node" culvertd && [ "$(culvert_log_count 'control ready')" -gt "$ready_before" ]; }

# culvert_log_has TEXT: fixed text in the daemon's log so far
culvert_log_has() { grep -qF -- "$1" "$logs/$culvert_node/culvertd.log"; }
# check_log WHAT TEXT: waits a little; the line is shown
check_log() {
    if wait_for 10 culvert_log_has "$2"; then
        say "ok: $1: $(grep -F -m 1 -- "$2" "$logs/$culvert_node/culvertd.log" | cut -c 1-400)"
    else
        fail "$1: no log line has '$2'"
    fi
}

# culvertctl COMMAND ARGUMENT...
culvertctl() { on "$culvert_node" $stage/culvertctl "$1" --socket $culvert_socket "${@:2}"; }
# culvert_get PATH: what the API answers. With culvertctl an emulated processor takes twice as long.
culvert_get() { on "${culvert_node:-gw}" curl -s --max-time 60 --unix-socket $culvert_socket "http://localhost$1"; }
# culvert_counter NAME: prints its value, 0 if the daemon never counted it
culvert_counter() {
    local value
    value=$(culvert_get /v1/status | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p")
    printf '%s\n' "${value:-0}"
}
# culvert_traces: the calls there are, by trace, one per line
culvert_traces() { culvert_get /v1/sessions | grep -o '"trace":"[0-9a-f]*' | sed 's/.*"//'; }
# session_count: calls whose network is up
session_count() { culvert_get /v1/status | sed -n 's/.*"callCount":\([0-9]*\).*/\1/p'; }
# nft_counter NAME: packets one of our rules counted
nft_counter() { on "$culvert_node" nft list counter inet culvert "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
has_sessions() { [ "$(session_count)" = "$1" ]; }

# culvert_gauges: calls, IKE SAs, children, tunnels, sessions, addresses given out
culvert_gauges() {
    culvert_get /v1/status | awk -v names="callCount ikeCount childCount tunnelCount sessionCount used" '{
        count = split(names, name, " ")
        for (i = 1; i <= count; i++) {
            value = match($0, "\"" name[i] "\":[0-9]+") ? substr($0, RSTART, RLENGTH) : "-"
            sub(/.*:/, "", value)
            printf "%s%s", value, i < count ? " " : "\n"
        }
    }'
}
# culvert_descriptors, culvert_memory (KB), culvert_threads: of the process
culvert_descriptors() { find "/proc/$(pid_of "$culvert_node" culvertd)/fd" -mindepth 1 | wc -l; }
culvert_memory() { awk '/^VmRSS/ { print $2 }' "/proc/$(pid_of "$culvert_node" culvertd)/status"; }
culvert_threads() { awk '/^Threads/ { print $2 }' "/proc/$(pid_of "$culvert_node" culvertd)/status"; }
# at_base: the daemon and its kernel hold nothing of any call
at_base() {
    [ "$(culvert_gauges)" = "0 0 0 0 0 0" ] && calls_gone "$culvert_node"
}
# check_at_base [SECONDS]: within that time
check_at_base() {
    if wait_for "${1:-15}" at_base; then
        say "ok: gauges and kernel objects are back at base"
    else
        fail "back at base: gauges $(culvert_gauges), kernel: $(kernel_objects "$culvert_node")"
    fi
}
# check_descriptors: none is left over. A thread that waits for the kernel stays, with two sockets.
check_descriptors() {
    check "no descriptor is left over" wait_for 10 descriptors_at_base
    say "$(culvert_descriptors) descriptors, $(culvert_threads) threads, $(culvert_memory) KB"
}
descriptors_at_base() {
    [ "$(culvert_descriptors)" -le $((base_descriptors + 2 * ($(culvert_threads) - base_threads))) ]
}
# culvert_log_count TEXT: lines with it
culvert_log_count() { grep -cF -- "$1" "$logs/$culvert_node/culvertd.log"; }
# log_lines: how many lines the log has
log_lines() { wc -l <"$logs/$culvert_node/culvertd.log"; }

# culvert_stop: SIGTERM; checks that it says goodbye in time and ends with status 0
culvert_stop() {
    local node=$culvert_node
    culvert_node=
    kill -TERM "$(pid_of "$node" culvertd)" 2>/dev/null
    if wait_for 15 not runs "$node" culvertd; then
        wait "$(pid_of "$node" culvertd)"
        check_equal "culvertd ends with status 0 on SIGTERM" 0 $?
    else
        fail "culvertd ends within 15 s of SIGTERM"
        kill -KILL "$(pid_of "$node" culvertd)" 2>/dev/null
    fi
    kernel_clean "$node"
}
# culvert_end: at the end of a scenario that left it running
culvert_end() {
    local node=$culvert_node
    if runs "$node" culvertd; then
        culvert_stop
    else
        culvert_node=
        wait "$(pid_of "$node" culvertd)"
        fail "culvertd still runs at the end (status $?): $(tail -n 1 "$logs/$node/culvertd.log")"
    fi
}
