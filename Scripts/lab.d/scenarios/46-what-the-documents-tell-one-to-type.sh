# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Every command of ours that README and Docs show is run as it stands there, beside a call that is up.
# boot: rules
one_client
node_add stranger
wan_attach stranger 203.0.113.12
root=$(root_of gw)
documents=$(cat $stage/repository)
culvert_start gw
require "the client connects" client_connect client $gateway_address
check "a stranger is refused" not ipsec_connect stranger $gateway_address psk=not-the-secret tries=1
cp $stage/culvertd $stage/culvertctl "$root/usr/bin/"
mkdir -p "$root/etc/nftables.d"
trace=$(culvert_traces | head -n 1)

# shown: the commands in console blocks, each once, in their order, what ends calls last; with this call's trace and peer
shown() {
    (cd "$documents" && awk '
        /^ *```/ { inside = !inside && /```console/; next }
        inside && /^ *[$#] / {
            sub(/^ *[$#] /, ""); sub(/^sudo /, ""); sub(/ +&& .*/, ""); sub(/  +# .*/, "")
            if (!/^(culvertctl|culvertd|curl -[a-zA-Z]+ --unix-socket|curl --unix-socket) / || seen[$0]++) next
            if (/terminate/) last = last $0 "\n"; else print
        }
        END { printf "%s", last }' README.md Docs/*.md) |
        sed "s/00c0ffee12345678/$trace/; s/198\.51\.100\.7/203.0.113.10/; s/198\.51\.100\.0/203.0.113.0/"
}
# what goes on until somebody stops it
endless='events|--watch'
# what says no by its exit code, and may: a doctor in the lab, a pseudonym without a key, a second goodbye
may_say_no='doctor|reveal|terminate'

# runs_well COMMAND-LINE: true if it ends as it should; what it said is in said
runs_well() {
    local status seconds=120
    [[ ! $1 =~ $endless ]] || seconds=4
    on gw timeout $seconds sh -c "$1" >"$logs/gw/said" 2>&1 </dev/null
    status=$?
    if [[ $1 =~ $endless ]]; then
        [ $status = 124 ]
    elif [[ $1 =~ $may_say_no ]]; then
        [ $status -le 1 ]
    else
        [ $status = 0 ] && ! grep -q '"error"' "$logs/gw/said"
    fi
}

count=0
while IFS= read -r line; do
    count=$((count + 1))
    check "$line" runs_well "$line"
    [ -s "$logs/gw/said" ] || [[ $line == *" > "* || $line =~ $endless ]] || fail "$line says nothing"
    grep -qiE 'usage:|unknown option|not found' "$logs/gw/said" && tail -n 3 "$logs/gw/said"
done < <(shown)
check_at_least "the documents have such commands" 40 $count
check_equal "the call was ended by one of them" 0 "$(session_count)"
stop client xl2tpd
ipsec_disconnect client
ipsec_disconnect stranger
check_at_base
