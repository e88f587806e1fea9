# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Checks: each prints a line; the first failed one is the scenario's verdict. `check` goes on, `require` ends.

logs=/run/culvert-lab/logs
begin=$(date +%s%N)

now_ms() { echo $(($(date +%s%N) / 1000000)); }
say() {
    local t=$((($(date +%s%N) - begin) / 1000000))
    printf '[%4d.%03d] %s\n' $((t / 1000)) $((t % 1000)) "$*"
}
fail() {
    say "FAILED: $*"
    printf '%s\n' "$*" >>$logs/failed
    return 1
}

# check WHAT COMMAND...: records a failure and goes on
check() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then say "ok: $what"; else fail "$what"; fi
}
# require WHAT COMMAND...: ends the scenario if the command fails
require() {
    check "$@" || finish
}
# check_equal WHAT WANTED SEEN
check_equal() {
    if [ "$2" = "$3" ]; then say "ok: $1"; else fail "$1 (wanted $2, saw $3)"; fi
}
# check_at_most WHAT LIMIT SEEN
check_at_most() {
    if [ "${3:-x}" -le "$2" ] 2>/dev/null; then say "ok: $1 ($3)"; else fail "$1 (at most $2, saw ${3:-nothing})"; fi
}
check_at_least() {
    if [ "${3:-x}" -ge "$2" ] 2>/dev/null; then say "ok: $1 ($3)"; else fail "$1 (at least $2, saw ${3:-nothing})"; fi
}

not() { ! "$@"; }

# wait_for SECONDS COMMAND...: polls; true as soon as the command is. The seconds are for a machine of one's own:
# an emulated processor on a busy one gets a fraction of them, hence the factor.
wait_for() {
    local end=$((SECONDS + $1 * 3))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.5
    done
}

# finish: the end of every scenario, called by `enter` too
finish() {
    [ -z "${culvert_node:-}" ] || culvert_end
    if [ -s $logs/failed ]; then
        say "end: $(wc -l <$logs/failed) failed"
        exit 1
    fi
    say "end: all checks passed"
    exit 0
}
