#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs every example, and the demo, of a build and compares what they print:  tests/examples.sh [BUILD]
#
# An example has to end with status 0, with nothing on stderr, and to print what stands beside it in examples/expected/, in
# one of some tries: some have deadlines of milliseconds, which a busy machine lets pass.
#   NAME.txt     stdout is equal to it
#   NAME.regex   line by line, each an extended regular expression for a whole line of stdout, in
#                order; a line of three dots stands for any number of lines, none included
# RUNG_LAUNCHER, if set, is the command to run programs under (qemu, valgrind). Exits with 0 or 1.
set -u
export LC_ALL=C
source=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-${RUNG_BUILD:-$source/build/release}}
programs=$build/examples
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
TRIES=5
checks=0

fail() {
    echo "FAILED $1: $2"
    failures=$((failures + 1))
}

# matches REGEX-FILE TEXT-FILE: prints the first expectation that is not met.
matches() {
    local pattern line at=0 skips=0 lines=() expression
    mapfile -t lines <"$2"
    while IFS= read -r pattern; do
        if [ "$pattern" = "..." ]; then
            skips=1
            continue
        fi
        expression="^($pattern)\$"
        while [ $at -lt ${#lines[@]} ] && ! [[ ${lines[$at]} =~ $expression ]]; do
            if [ $skips -eq 0 ]; then
                echo "line $((at + 1)) is \"${lines[$at]}\", not $pattern"
                return 1
            fi
            at=$((at + 1))
        done
        if [ $at -ge ${#lines[@]} ]; then
            echo "no line is $pattern"
            return 1
        fi
        at=$((at + 1))
        skips=0
    done <"$1"
    if [ $skips -eq 0 ] && [ $at -lt ${#lines[@]} ]; then
        echo "line $((at + 1)), \"${lines[$at]}\", is too much"
        return 1
    fi
}

# run STATUS PROGRAM ARGUMENT...: stdout and stderr go to $scratch/{out,err}.
run() {
    local wanted=$1 name=$2 status=0
    shift 2
    checks=$((checks + 1))
    # shellcheck disable=SC2086 # the launcher may be several words
    timeout --kill-after=5 250 ${RUNG_LAUNCHER:-} "$programs/$name" "$@" \
        >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
    sed -i '/^--[0-9]*-- /d' "$scratch/err" # Valgrind's notes on system calls that it does not know
    [ $status -eq "$wanted" ] && return
    fail "$name $*" "exit status $status, not $wanted"
    tail -n 20 "$scratch/err"
    return 1
}

for file in "$source"/examples/[0-9]*.c; do
    name=$(basename "$file" .c)
    expected=$source/examples/expected/$name
    why=
    for _ in $(seq $TRIES); do
        run 0 "$name" || continue 2
        [ -s "$scratch/err" ] && fail "$name" "stderr: $(head -n 1 "$scratch/err")"
        if [ -f "$expected.regex" ]; then
            why=$(matches "$expected.regex" "$scratch/out") && continue 2
        else
            why=$(diff "$expected.txt" "$scratch/out") && continue 2
        fi
    done
    fail "$name" "$why"
done

# ---- the demo ---------------------------------------------------------------------------------

# What it counts in a tree made for it: words across block borders, comments, strings, directives.
tree=$scratch/tree
mkdir -p "$tree/deep/er" "$tree/empty"
printf '#include <ignored.h>\n#define ALPHA beta /* gamma */\nint alpha = 0x1f; // beta\n' >"$tree/a.h"
printf 'beta("alpha \\" beta", %s, alpha)' "'\\''" >"$tree/deep/b.c"
head -c 65533 /dev/zero | tr '\0' ' ' >"$tree/deep/er/border.c"
printf 'omega omega' >>"$tree/deep/er/border.c"
printf 'omega\0omega' >"$tree/binary.o"
ln -s . "$tree/loop"
ln -s a.h "$tree/again.h"
mkfifo "$tree/fifo"
for processors in 1 2 4; do
    export RUNG_PROCS=$processors
    run 0 demo "$tree" || continue
    sed -En 's/^ +[0-9]+  ([A-Za-z_]+) +([0-9,]+) .*/\1 \2/p' "$scratch/out" >"$scratch/words"
    printf 'alpha 2\nbeta 2\nomega 2\nALPHA 1\n' | diff - "$scratch/words" ||
        fail demo "it counts something else"
    grep -q 'both found the same 7 identifiers' "$scratch/out" || fail demo "the two jobs differ"
    grep -q '1 binary file was left out' "$scratch/out" || fail demo "the binary file counts"
done
unset RUNG_PROCS

run 0 demo "$tree/empty" && { grep -q 'There is no text file in' "$scratch/out" ||
    fail demo "an empty directory is not told"; }
run 1 demo "$scratch/missing" && { diff "$scratch/err" - <<<"demo: $scratch/missing: No such file or directory" ||
    fail demo "a missing directory is not told in one sentence"; }
run 1 demo "$tree/a.h"
run 2 demo --seconds 0
run 2 demo --seconds 1x "$tree"
run 0 demo --help
run 0 demo --seconds 0.001 /usr/include && { grep -q 'The deadline passed' "$scratch/out" ||
    fail demo "the deadline is not told"; }
if [ "$(id -u)" -ne 0 ]; then
    chmod 000 "$tree/a.h"
    run 0 demo "$tree" && { grep -q '1 could not be read, the first one .*a.h: Permission denied' "$scratch/out" ||
        fail demo "an unreadable file is not told"; }
fi

# Ctrl-C, at some moment of the run: it ends cleanly, and says so. Before it listens, SIGINT just ends it: then it gets more time.
interrupt_after() { # SECONDS; sets $status
    status=0
    checks=$((checks + 1))
    # shellcheck disable=SC2086
    timeout --foreground --preserve-status --kill-after=250 --signal=INT "$1" ${RUNG_LAUNCHER:-} "$programs/demo" /usr/include \
        >"$scratch/out" 2>/dev/null || status=$?
}
pauses="1 2 4" # tenths of a second
[ -n "${RUNG_LAUNCHER:-}" ] && pauses="20 30 40"
for pause in $pauses; do
    interrupt_after $((pause / 10)).$((pause % 10))
    while [ $status -eq 130 ] && ! [ -s "$scratch/out" ]; do
        pause=$((pause * 3 / 2 + 1))
        interrupt_after $((pause / 10)).$((pause % 10))
    done
    if [ $status -eq 130 ]; then
        grep -q 'Interrupted' "$scratch/out" || fail demo "the interruption is not told"
    elif [ $status -ne 0 ]; then # 0: it was over before
        fail demo "exit status $status after SIGINT"
    fi
done

[ $failures -eq 0 ] && echo "$checks runs of the examples and the demo, all as expected"
[ $failures -eq 0 ]
