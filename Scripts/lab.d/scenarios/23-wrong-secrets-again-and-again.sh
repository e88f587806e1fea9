# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Somebody tries pre-shared keys, somebody tries passwords: they are slowed down, who knows the secrets is not.
# boot: crowd
# swarm: yes
# timeout: 600
one_client
crowd_add
culvert_start gw users="alice:secret1 $(crowd_users 4)" pool=10.99.0.0/22
swarm_start passwords --clients 4 --rate 20 --password guess --redial
check "passwords are tried" wait_for 30 culvert_log_has "authentication user-refused"
refused() { culvert_counter authentication.user-refused; }
say "$(culvertctl status --json | tr -d ' \n' | grep -o '"\(authentication\|ppp\)\.[a-z0-9.-]*":[0-9]*' | paste -sd' ')"
t0=$(now_ms) before=$(refused)
require "the right client connects meanwhile" client_connect client $gateway_address
check "it pings" pings client 10.99.0.1 3
client_disconnect client
stop client xl2tpd
sleep 5
tries=$((($(refused) - before) * 60000 / ($(now_ms) - t0)))
say "$tries refusals in a minute, of four users"
check_at_most "tries in a minute" 200 $tries
# who guesses is shut out where it is; the users themselves, elsewhere, are not
swarm_stop passwords
swarm_start users --first 198.18.1.1 --clients 4 --rate 20 --redial
check "the users themselves come in" wait_for 30 swarm_has users up 4
swarm_stop users
swarm_start keys --clients 4 --rate 20 --psk guess --redial --patience 5
check_log "pre-shared keys are tried" "ike authentication-failed"
require "the right client connects meanwhile" client_connect client $gateway_address
check "it pings" pings client 10.99.0.1 3
swarm_stop keys
say "$(culvertctl status --json | tr -d ' \n' | grep -o '"\(ike\|authentication\)\.[a-z0-9.-]*":[0-9]*' | paste -sd' ')"
client_disconnect client
check_at_base 60
