# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The few words in which the tests of the scripts are written. To be sourced.
# They print what libtest prints, so that one reader counts both.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# shellcheck disable=SC2034 # for those who source this
readonly ROOT
passed=0
failed=0

# check FUNCTION: runs it as a test; what it printed is shown if it fails.
check() {
    local output
    if output=$("$1" 2>&1); then
        echo "test $1 ... ok"
        passed=$((passed + 1))
    else
        printf 'test %s ... FAILED\n%s\n' "$1" "$output"
        failed=$((failed + 1))
    fi
}

# equal A B: whether they are; says so if not.
equal() {
    [[ $1 == "$2" ]] || { printf 'got:      %q\nexpected: %q\n' "$1" "$2"; return 1; }
}

# skip_all NAME REASON: ends with all tests of this file skipped, as one.
skip_all() {
    echo "$1: $2" >>"${TERRARIUM_SKIPS:-/dev/stderr}"
    echo "test $1 ... ok"
    passed=1
    finish
}

finish() {
    local word=ok
    ((failed == 0)) || word=FAILED
    echo "test result: $word. $passed passed; $failed failed; 0 ignored"
    exit $((failed > 0))
}
