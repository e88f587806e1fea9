# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The unit tests of the kernel data plane that need a real kernel, which skip themselves elsewhere.
# boot: refusals
# gateway: none
# timeout: 900
tests=$(cat "$stage/repository")/.build/debug/culvertPackageTests.xctest
require "the unit tests are built (swift build --build-tests)" test -x "$tests"
status=0
CULVERT_KERNEL_TESTS=1 "$tests" --testing-library swift-testing --filter 'KernelTests\.' >"$logs/tests.log" 2>&1 || status=$?
grep -E '✘|Test run' "$logs/tests.log" | cut -c1-300
check_equal "they pass" 0 $status
check "those for the real kernel were not skipped" not grep -q 'skipped: the tests that need a real kernel' "$logs/tests.log"
check "some were run" grep -qE 'Test run with [1-9][0-9]* tests' "$logs/tests.log"
