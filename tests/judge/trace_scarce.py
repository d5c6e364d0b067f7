#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where memory or the disk is at its end, or the reader slow or gone, tracing hangs nobody, and no trace is torn.

test-timeout: 240
test-presets: release debug

trace_scarce.c has the plays. The disk is a file's limit of some sizes, of which each is reached in the middle of a
generation, and a file system of a few pages, where this user may mount one. What was written up to there has to be a
trace that Go's reader accepts.
"""
import errno
import glob
import os
import resource
import subprocess
import sys
import tempfile

import _trace

PROGRAM = os.path.join(os.environ["RUNG_BUILD"], "tests", "judge", "trace_scarce")
LIMITS = [40_000, 100_001, 150_000, 200_003, 260_000]
ALLOWED = {0, -errno.ENOBUFS}  # of a slow reader

wrong = []


def play(name, path, before=(), **options):
    """Runs it, and gives back the number that it printed first, or None."""
    result = subprocess.run([*before, PROGRAM, name, path], env=dict(os.environ, RUNG_PROCS="2"), text=True,
                            capture_output=True, **options)
    if result.returncode != 0:
        wrong.append(f"{name} ended with {result.returncode}: {result.stderr[-600:]}")
        return None
    return int(result.stdout.split()[0])


def judge_all(judge, name, paths, fewest):
    good, bad = _trace.judge(judge, [path for path in paths if os.path.getsize(path) > 0])
    wrong.extend(f"{name}: {text}" for text in bad)
    if good < fewest:
        wrong.append(f"{name}: only {good} traces")
    print(f"{name}: {good} traces accepted")


def judge_memory(judge, directory):
    path = os.path.join(directory, "memory")
    play("memory", path)
    judge_all(judge, "memory", glob.glob(path + ".*"), 4)


def judge_limits(judge, directory):
    paths = []
    for size in LIMITS:
        path = os.path.join(directory, f"limit.{size}")
        said = play("disk", path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        if said not in (None, -errno.EFBIG):
            wrong.append(f"limit of {size}: {said}, not EFBIG")
        paths.append(path)
    judge_all(judge, "limits", paths, len(LIMITS))


def judge_disk(judge, directory):
    disk, copy = os.path.join(directory, "disk"), os.path.join(directory, "copy")
    os.mkdir(disk)
    script = f'mount -t tmpfs -o size=200k none "{disk}" || exit 0; echo mounted >&2; "$0" "$@" && cp "{disk}/trace" "{copy}"'
    result = subprocess.run(["unshare", "-m", "bash", "-c", script, PROGRAM, "disk", disk + "/trace"], text=True,
                            env=dict(os.environ, RUNG_PROCS="2"), capture_output=True)
    if "mounted" not in result.stderr:
        print("disk: left out, this user may mount nothing")
        return
    if result.returncode != 0 or result.stdout.strip() != str(-errno.ENOSPC):
        wrong.append(f"disk ended with {result.returncode}, and said {result.stdout!r}: {result.stderr[-600:]}")
        return
    judge_all(judge, "disk", [copy], 1)


def judge_readers(judge, directory):
    path = os.path.join(directory, "reader")
    said = play("reader", path)
    if said is not None and said not in ALLOWED:
        wrong.append(f"slow reader: {said}")
    judge_all(judge, "slow reader", [path], 1)
    said = play("gone", path + ".gone")
    if said not in (None, -errno.EPIPE):
        wrong.append(f"reader gone: {said}, not EPIPE")


def main():
    judge = _trace.need()
    with tempfile.TemporaryDirectory() as directory:
        for part in (judge_memory, judge_limits, judge_disk, judge_readers):
            part(judge, directory)
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
