#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The frame chain is whole at every instruction, by frame pointers and by CFI: program.c, stepped by stepper.c.
# The stepper runs on this machine, whatever the program's CPU.
# test-presets: release debug clang lto arm64
# test-timeout: 240
set -eu
source=$RUNG_SOURCE/tests/step
build=$RUNG_BUILD/tests/step
rounds=40
[ "$RUNG_CPU" = aarch64 ] && rounds=8

if ! ${HOSTCC:-cc} -E -include elfutils/libdw.h -x c /dev/null > /dev/null 2>&1; then
    echo "skipped: no libdw (Debian: libdw-dev)"
    exit 77
fi
if [ "$RUNG_CPU" = aarch64 ] && [ -z "$RUNG_LAUNCHER" ]; then
    echo "skipped: the arm64 half steps under qemu-user"
    exit 77
fi
${HOSTCC:-cc} -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -o "$build/stepper" \
    "$source/stepper.c" "$source/target.c" "$source/frames.c" -ldw -lelf
exec "$build/stepper" $RUNG_LAUNCHER "$build/program" $rounds
