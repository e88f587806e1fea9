# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What a packet costs and how fast calls are set up, with 1, 100, 1,000 and 10,000 of them; asked for by name only.
# boot: cost
# run: asked
# clock: instructions
# gateway: none
# timeout: 2700
# The processor's clock counts instructions: a microsecond is a thousand of them, whatever else the machine does.
# Ten thousand want LAB_MEMORY=3G. LAB_TUNNELS says how many, LAB_TESTS which test bundle (a release build, for figures of what is shipped).
tests=${LAB_TESTS:-$(cat "$stage/repository")/.build/debug/culvertPackageTests.xctest}
require "the unit tests are built (swift build --build-tests)" test -x "$tests"
status=0
CULVERT_KERNEL_TESTS=1 CULVERT_KERNEL_TUNNELS=${LAB_TUNNELS:-1,100,1000,10000} \
    stdbuf -oL "$tests" --testing-library swift-testing --filter 'CostByTunnelsTests' >"$logs/tests.log" 2>&1 || status=$?
grep -E '^calls|^cost|^all|✘|Test run' "$logs/tests.log" | cut -c1-300
check_equal "a packet costs no more with many than with one" 0 $status
check "the test was run" grep -qE '^cost: 1 ' "$logs/tests.log"
