# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What a scenario may use. Sourced by `enter`, before the scenario, in the scenario's own root.
set -uo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
stage=/run/culvert-lab/stage
. $stage/checks.sh
. $stage/nodes.sh
. $stage/strongswan.sh
. $stage/xl2tpd.sh
. $stage/gateway.sh
. $stage/culvert.sh
. $stage/topologies.sh
. $stage/swarm.sh
. $stage/traffic.sh
. $stage/systemd.sh
