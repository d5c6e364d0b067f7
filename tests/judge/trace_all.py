#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Go's own trace reader and validator accept the trace of every test of tests/run.

test-timeout: 900
test-presets: release debug arm64
test-labels: slow

Each test's program runs with RUNG_TRACE in three ways: as it is, with a new generation each millisecond, and that under
hostile scheduling. Only what the judge says of the traces counts, and that the program ends as it does without. Here each
may take two seconds and write two megabytes, and each way 40 seconds; what takes longer is left to RUNG_TEST_LONG=1 and to
`./dev test --traced`, which does the same for all, for as long as they take. Where the machine has so much else to do that
these seconds are not enough for FEWEST traces, there are more of them, until there are as many.
"""
import concurrent.futures
import glob
import os
import random
import sys
import tempfile
import threading
import time

import _trace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import runner

IS_LONG = os.environ.get("RUNG_TEST_LONG") == "1"
SECONDS = 5 if IS_LONG else 2  # for one program; those that take longer are not waited for
MOST_SECONDS = 3000 if IS_LONG else 40  # for all of a way
PATIENCE = 4  # times as long for those of which nothing is there yet, again and again
MOST_PATIENCE = 100  # times as long in all; what takes longer then does not end
MOST_BYTES = (1 << 40) if IS_LONG else (2 << 20)  # of a trace: the judge takes a second for each megabyte
ATTEMPTS = 3  # some fail now and then where the machine has much else to do; what the judge says counts each time
FEWEST = 17 if os.environ.get("RUNG_LAUNCHER") else 100  # traces of each way: an emulator takes its time
WAYS = {"as it is": {}, "1 ms": {"RUNG_TRACE_EVERY": "1"}, "1 ms, chaos": {"RUNG_TRACE_EVERY": "1", "RUNG_CHAOS": "1"}}


def programs():
    build = os.environ["RUNG_BUILD"]
    for source in sorted(glob.glob(os.path.join(os.environ["RUNG_SOURCE"], "tests", "run", "*.c"))):
        name = os.path.splitext(os.path.basename(source))[0]
        path = os.path.join(build, "tests", "run", name)
        if os.path.exists(path) and "test-traced" not in runner.read_directives(source):
            yield name, path


def run(name, path, environment, directory, patience):
    """The traces of one run, None if that or the judge would take too long; whether it was late; what is wrong, or None."""
    trace = os.path.join(directory, name)
    launcher = os.environ.get("RUNG_LAUNCHER", "").split()
    status, out, err, is_late = runner.run(launcher + [path], dict(os.environ, RUNG_TRACE=trace, **environment),
                                           patience * SECONDS * (3 if launcher else 1))
    if is_late or status == runner.SKIPPED:  # that ends at once, in the middle of a run
        return None, is_late, None
    if status != 0:
        return None, False, f"{name} ended with {status}: {(out + err)[-500:]}"
    traces = sorted(glob.glob(trace + "*"))
    return traces if sum(map(os.path.getsize, traces)) <= MOST_BYTES else None, False, None


class Way:
    """What has become of the programs in one way of running them."""

    def __init__(self, judge, name, environment):
        self.judge, self.name, self.environment = judge, name, environment
        self.lock = threading.Lock()
        self.accepted, self.judged, self.late, self.wrong = 0, 0, [], []

    def run_and_judge(self, program, patience, until):
        if time.monotonic() > until and self.accepted >= FEWEST:
            return
        for _ in range(ATTEMPTS):
            with tempfile.TemporaryDirectory() as directory:
                traces, is_late, trouble = run(*program, self.environment, directory, patience)
                good, bad = _trace.judge(self.judge, traces) if traces is not None else (0, [])
            if trouble is None:
                break
        with self.lock:
            self.accepted += good
            self.judged += traces is not None
            self.late += [program] if is_late else []
            self.wrong += [f"{self.name}: {text}" for text in ([trouble] if trouble else bad)]

    def run_all(self, chosen):
        patience, until = 1, time.monotonic() + MOST_SECONDS
        while chosen and patience <= MOST_PATIENCE and self.accepted < FEWEST:
            self.late = []
            with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                list(pool.map(lambda program: self.run_and_judge(program, patience, until), chosen))
            chosen, patience = self.late, patience * PATIENCE


def main():
    judge = _trace.need()
    total, wrong = 0, []
    for name, environment in WAYS.items():
        chosen = list(programs())
        random.shuffle(chosen)  # where the time is not enough for all, it is others each time
        way = Way(judge, name, environment)
        way.run_all(chosen)
        print(f"{name}: {way.accepted} traces of {way.judged} programs accepted, {len(chosen) - way.judged} programs "
              "not waited for", flush=True)
        if way.accepted < FEWEST:
            wrong.append(f"{name}: only {way.accepted} traces")
        wrong += way.wrong
        total += way.accepted
    print(f"{total} traces accepted, {len(wrong)} wrong")
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
