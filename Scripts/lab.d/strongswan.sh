# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# strongSwan (charon, swanctl) as IKEv1 peer with a pre-shared key, transport mode for UDP 1701.

# options ALLOWED [KEY=VALUE...]: sets o_KEY in the caller, who declares them local
options() {
    local allowed=" $1 " argument
    shift
    for argument in "$@"; do
        if [[ $allowed != *" ${argument%%=*} "* ]]; then
            fail "unknown option ${argument%%=*} (known:$allowed)"
            finish
        fi
        printf -v "o_${argument%%=*}" '%s' "${argument#*=}"
    done
}

# charon_start NODE: with the plugins these scenarios use; the full set costs seconds under emulation
charon_start() {
    put "$1" /etc/strongswan.conf <<END
charon {
  load_modular = no
  load = random nonce openssl kdf kernel-netlink socket-default vici
  install_routes = no
  install_virtual_ip = no
  keep_alive = ${o_keepalive:-20}s
  retransmit_timeout = 2.0
  retransmit_tries = ${o_tries:-3}
  retransmit_base = ${o_base:-1.8}
  threads = 8
  fragment_size = ${o_fragmentsize:-1280}
  filelog {
    log {
      path = /var/log/charon-ike.log
      time_format = %H:%M:%S
      default = 1
      flush_line = yes
    }
  }
  plugins { vici { socket = unix:///run/charon.vici } }
}
swanctl { load = random nonce openssl }
END
    start "$1" charon /usr/lib/ipsec/charon
    require "charon starts on $1" wait_for 40 test -S "$(root_of "$1")/run/charon.vici"
}

# swan_write NODE LOCAL-PORT REMOTE REMOTE-PORTS: swanctl.conf from o_psk, o_ike, o_esp, o_aggressive, o_id, ...
swan_write() {
    put "$1" /etc/swanctl/swanctl.conf <<END
connections {
  l2tp {
    version = 1
    remote_addrs = $3
    proposals = ${o_ike:-aes256-sha256-ecp256}
    unique = no
    encap = ${o_encap:-no}
    aggressive = ${o_aggressive:-no}
    fragmentation = ${o_fragmentation:-yes}
    keyingtries = 1
    dpd_delay = ${o_dpd:-0s}
    dpd_timeout = ${o_dpdtimeout:-0s}
    rekey_time = ${o_ikerekey:-4h}
    over_time = ${o_over:-24m}
    rand_time = 0s
    local {
      auth = psk
      ${o_id:+id = "$o_id"}
    }
    remote {
      auth = psk
    }
    children {
      l2tp {
        mode = transport
        local_ts = dynamic[udp$2]
        remote_ts = dynamic[udp$4]
        esp_proposals = ${o_esp:-aes256-sha256}
        sha256_96 = ${o_sha96:-no}
        rekey_time = ${o_rekey:-1h}
        life_time = ${o_life:-66m}
        rand_time = 0s
        dpd_action = ${o_dpdaction:-clear}
        start_action = none
      }
    }
  }
}
secrets {
  ike-any {
    secret = "$o_psk"
  }
}
END
}

swan_load() { on "$1" swanctl --load-all --noprompt >>"$logs/$1/swanctl.log" 2>&1; }
swan_sas() { on "$1" swanctl --list-sas 2>/dev/null; }
child_up() { [[ $(ip -n "$1" xfrm state list) == *"proto esp"* ]]; }

ike_options="psk ike esp lport selector id aggressive sha96 fragmentation fragmentsize encap keepalive tries base rekey life ikerekey over dpd dpdtimeout dpdaction patience"
# ipsec_connect NODE SERVER [psk= ike= esp= lport= selector= id= aggressive= sha96= fragmentation= fragmentsize= encap= keepalive= tries= base= rekey= life= ikerekey= over= dpd=
# dpdtimeout= dpdaction= patience=]: true when the SAs are there. selector: our port in it, lport if not given, or any;
# patience: seconds swanctl waits
ipsec_connect() {
    local node=$1 server=$2 o_psk=lab-secret o_ike= o_esp= o_lport=1701 o_selector= o_id= o_aggressive= \
        o_sha96= o_fragmentation= o_fragmentsize= o_encap= o_keepalive= o_tries= o_base= \
        o_rekey= o_life= o_ikerekey= o_over= o_dpd= o_dpdtimeout= o_dpdaction= o_patience=90
    shift 2
    options "$ike_options" "$@"
    local port=/${o_selector:-$o_lport}
    [ "$port" != /any ] || port=
    swan_write "$node" "$port" "$server" /1701
    [ -S "$(root_of "$node")/run/charon.vici" ] || charon_start "$node"
    swan_load "$node" || return 1
    on "$node" swanctl --initiate --child l2tp --timeout $o_patience >>"$logs/$node/swanctl.log" 2>&1
}
# ipsec_disconnect NODE: says goodbye (Delete for each SA)
ipsec_disconnect() { on "$1" swanctl --terminate --ike l2tp --timeout 10 >>"$logs/$1/swanctl.log" 2>&1; }
