#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A BPF program as a judge: the stacks that bpftrace's ustack sees end at a root, as perf's do.

test-timeout: 120
test-presets: release
test-serial: yes

Counts each stack of 499 samples a second and processor; 99.9 % have to end at a root, but for what chance explains. Left out are stacks that
begin in another object than the program; threads are told apart as perf.py does it.
"""
import collections
import os
import re
import shutil
import signal
import subprocess
import sys

import _judge

ODD_SHARE = 0.001
SECONDS = 6
FEWEST = 50
ROOTS = {"rung_goroutine_start", "rung_g0_root"}
PROGRAM = """
profile:hz:499 /pid == %d/ { @[tid, ustack(perf, 127)] = count(); }
interval:s:%d { exit(); }
"""


def parse(text):
    """(thread, number, [(function, object)]) of each stack."""
    stacks = []
    for match in re.finditer(r"^@\[(\d+),\s*(.*?)\s*\]: (\d+)$", text, re.MULTILINE | re.DOTALL):
        frames = re.findall(r"^\s*(?:[0-9a-f]+ )(\S+?)(?:\+\d+)? \((.*)\)$", match[2], re.MULTILINE)
        stacks.append((int(match[1]), int(match[3]), frames))
    return stacks


def judge(name, text):
    stacks = parse(text)
    runners = {thread for thread, _, frames in stacks if frames and frames[-1][0] in ROOTS}
    counts = collections.Counter()
    odd = []
    for thread, number, frames in stacks:
        if thread not in runners:
            counts["other"] += number
        elif not frames or os.path.basename(frames[0][1]) != "work":
            counts["libraries"] += number
        elif any(function == "thread_main" for function, _ in frames):
            counts["starting"] += number
        else:
            counts["judged"] += number
            is_good = frames[-1][0] in ROOTS and \
                not ("schedule_slow" in dict(frames) and frames[-1][0] == "rung_goroutine_start")
            counts["good"] += number * is_good
            counts["linked"] += number * (frames[-1][0] == "rung_goroutine_start" and
                                          any(function == "depart_m" for function, _ in frames))
            if not is_good:
                odd.append(f"    {number} x " + " < ".join(function for function, _ in frames))
    share = 100 * counts["good"] / counts["judged"] if counts["judged"] else 0
    print(f"{name:20} {sum(counts[k] for k in ('other', 'libraries', 'starting', 'judged')):5} samples:"
          f" {counts['libraries']} in libraries, {counts['other']} of other threads, {counts['starting']} of starting"
          f" ones; {counts['good']} of {counts['judged']} end at a root: {share:.2f} % ({counts['linked']} on g0 and linked)")
    print("\n".join(odd[:8]), end="\n" if odd else "")
    is_passed = counts["judged"] - counts["good"] <= _judge.most_by_chance(counts["judged"], ODD_SHARE)
    # Functions that mcall calls show their caller.
    is_enough = counts["judged"] >= FEWEST and (name != "yield by way of g0" or counts["linked"] > 0)
    return is_passed, is_enough


def trace(workload, environment):
    work = subprocess.Popen([str(_judge.WORK), workload, "0"], env=os.environ | environment)
    try:
        done = subprocess.run(["bpftrace", "-e", PROGRAM % (work.pid, SECONDS)], stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
    finally:
        work.send_signal(signal.SIGKILL)
        work.wait()
    out = done.stdout.decode(errors="replace")
    if done.returncode != 0 or "Attaching" not in out:
        _judge.skip("the kernel does not permit BPF: " + done.stderr.decode(errors="replace").strip()[-300:])
    return out


def passes(name, workload, environment):
    """Whether it does; asked for as long as a busy machine takes for enough samples."""
    text = trace(workload, environment)
    is_passed, is_enough = judge(name, text)
    while is_passed and not is_enough:
        text += trace(workload, environment)
        is_passed, is_enough = judge(name, text)
    return is_passed


def main():
    if shutil.which("bpftrace") is None:
        _judge.skip("bpftrace is not installed")
    if os.geteuid() != 0:
        _judge.skip("the kernel lets root alone use BPF")
    passed = [passes(workload, workload, {}) for workload in ("yield", "pingpong", "select")]
    passed.append(passes("yield by way of g0", "yield", {"RUNG_CHAOS": "1"}))  # half of them are
    return 0 if all(passed) else 1


sys.exit(main())
