# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Runs checks and suites of tests, beside each other too, and counts what came
# of them. To be sourced, with $work a folder for what they print.

passed=0
failed=0

# run NAME COMMAND...: what NAME is, and how long it took. Counted by `check`
# or `suite`, which need not be the same shell.
run() {
    local of=$work/$1 begun=$SECONDS status=0
    shift
    mkdir "$of"
    printf '%q ' "$@" >"$of/command"
    "$@" >"$of/log" 2>&1 || status=$?
    echo "$((SECONDS - begun))" >"$of/seconds"
    echo "$status" >"$of/status"
}

# side_by_side FUNCTION...: runs them beside each other, each in a process group
# of its own, with which `end_all` ends all that it began.
groups=
side_by_side() {
    local each
    set -m
    for each; do
        "$each" </dev/null &
        groups="$groups $!"
    done
    set +m
    # Unlike a command, this is left at once when somebody interrupts.
    # shellcheck disable=SC2086 # one word each
    wait $groups
    groups=
}

end_all() {
    local group
    for group in $groups; do kill -- "-$group" 2>/dev/null; done
}

took() { echo "-- $1: $(cat "$work/$1/seconds" 2>/dev/null || echo ?) s"; }

# check NAME: counts a single check that has run.
check() {
    if [ "$(cat "$work/$1/status" 2>/dev/null)" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
        tail -n 60 "$work/$1/log"
    fi
    took "$1"
}

# suite NAME: adds the counts of a run of cargo's tests, or of tests that print
# what those do. A few that failed are tried again.
suite() {
    local of=$work/$1 status of_this again
    status=$(cat "$of/status" 2>/dev/null || echo 1)
    of_this=$(awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$of/log")
    passed=$((passed + ${of_this% *}))
    failed=$((failed + ${of_this#* }))
    if [ "$status" != 0 ] && [ "${of_this#* }" != 0 ]; then
        eval "tools/second-try '$of/log' $(cat "$of/command")" >"$of/second"
        again=$(grep -c . "$of/second")
        passed=$((passed + again))
        failed=$((failed - again))
        sed "s/^/PASSED AT THE SECOND TRY: /" "$of/second"
        # What was wrong at the first one.
        [ "$again" = 0 ] || grep -A3 'panicked at' "$of/log" | head -n 40
        [ "$again" != "${of_this#* }" ] || status=0
    fi
    if [ "$status" != 0 ] && [ "${of_this#* }" = 0 ] && grep -q '(signal: ' "$of/log"; then
        # A crash says of no test that it failed: all of them once more.
        grep -B4 -A2 '(signal: ' "$of/log"
        if eval "$(cat "$of/command")" </dev/null >"$of/once-more" 2>&1; then
            status=0
            passed=$((passed - ${of_this% *} + $(awk '/^test result:/ { p += $4 } END { print p + 0 }' "$of/once-more")))
            echo "CRASHED, AND PASSED AT THE SECOND TRY: $1"
        fi
    fi
    if [ "$status" != 0 ]; then
        # It did not even build, or was ended.
        [ "${of_this#* }" = 0 ] && failed=$((failed + 1))
        echo "FAILED: $1"
        grep -A12 'panicked at' "$of/log" | head -n 200
        grep '^test .* FAILED$\|^    [a-z_:]*$' "$of/log" | sort -u
        grep -v '^test .* ok$' "$of/log" | tail -n 60
    fi
    took "$1"
    longest "$of/log"
}

# Where the time went: the programs of a suite that took longest, in seconds.
longest() {
    awk '/^ +Running / { program = $2 == "unittests" ? $3 : $2 }
        /^test result:.* finished in / { sub(/s$/, "", $NF); print $NF, program }' "$1" |
        sort -rn | awk '$1 >= 20 && NR <= 20 { printf "   %4d s %s\n", $1, $2 }'
}
