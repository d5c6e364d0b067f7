#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Go's own trace reader and validator accept the trace of every test of tests/run.

test-timeout: 900
test-presets: release debug arm64
test-labels: slow

Each test's program runs with RUNG_TRACE in three ways: as it is, with a new generation each millisecond, and that under
hostile scheduling. Only what the judge says of the traces counts, and that the program ends as it does without. Here each
may take two seconds and write two megabytes; what takes longer is left to RUNG_TEST_LONG=1 and to `./dev test --traced`,
which does the same for all, for as long as they take.
"""
import concurrent.futures
import glob
import os
import random
import subprocess
import sys
import tempfile
import time

import _trace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import runner

IS_LONG = os.environ.get("RUNG_TEST_LONG") == "1"
SECONDS = 5 if IS_LONG else 2  # for one program; those that take longer are not waited for
MOST_SECONDS = 3000 if IS_LONG else 40  # for all of a way, if there are enough by then
MOST_BYTES = (1 << 40) if IS_LONG else (2 << 20)  # of a trace: the judge takes a second for each megabyte
FEWEST = 50 if os.environ.get("RUNG_LAUNCHER") else 300  # traces: an emulator takes its time
ATTEMPTS = 3  # some fail now and then where the machine has much else to do; what the judge says counts each time
WAYS = {"as it is": {}, "1 ms": {"RUNG_TRACE_EVERY": "1"}, "1 ms, chaos": {"RUNG_TRACE_EVERY": "1", "RUNG_CHAOS": "1"}}


def programs():
    build = os.environ["RUNG_BUILD"]
    for source in sorted(glob.glob(os.path.join(os.environ["RUNG_SOURCE"], "tests", "run", "*.c"))):
        name = os.path.splitext(os.path.basename(source))[0]
        path = os.path.join(build, "tests", "run", name)
        if os.path.exists(path) and "test-traced" not in runner.read_directives(source):
            yield name, path


def run(name, path, environment, directory):
    """The traces of one run, None if that or the judge would take too long; a second value says what is wrong."""
    trace = os.path.join(directory, name)
    launcher = os.environ.get("RUNG_LAUNCHER", "").split()
    process = subprocess.Popen(launcher + [path], env=dict(os.environ, RUNG_TRACE=trace, **environment),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=SECONDS * (3 if launcher else 1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, None
    if process.returncode not in (0, 77):
        return None, f"{name} ended with {process.returncode}: {output.decode(errors='replace')[-500:]}"
    traces = sorted(glob.glob(trace + "*"))
    return (traces, None) if sum(map(os.path.getsize, traces)) <= MOST_BYTES else (None, None)


def run_and_judge(judge, name, path, environment, until):
    """How many of its traces are good, None if it was not waited for; and what is wrong."""
    if time.monotonic() > until and _trace.judged >= FEWEST:
        return None, []
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory() as directory:
            traces, trouble = run(name, path, environment, directory)
            if traces is not None:
                return _trace.judge(judge, traces)
            if trouble is None:
                break
    return None, [trouble] if trouble else []


def main():
    judge = _trace.need()
    total, wrong = 0, []
    for way, environment in WAYS.items():
        until = time.monotonic() + MOST_SECONDS
        chosen = list(programs())
        random.shuffle(chosen)  # where the time is not enough for all, it is others each time
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            results = list(pool.map(lambda named: run_and_judge(judge, *named, environment, until), chosen))
        counts = [good for good, _ in results if good is not None]
        wrong += [f"{way}: {text}" for _, bad in results for text in bad]
        total += sum(counts)
        print(f"{way}: {sum(counts)} traces of {len(counts)} programs accepted, {len(chosen) - len(counts)} programs "
              "not waited for", flush=True)
    print(f"{total} traces accepted, {len(wrong)} wrong")
    for text in wrong:
        print(text)
    return 1 if wrong or total < FEWEST else 0


if __name__ == "__main__":
    sys.exit(main())
