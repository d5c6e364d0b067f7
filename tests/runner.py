#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs one test and judges it:  runner.py [--timeout S] [--environment N=V]... FILE COMMAND...

FILE is the test's source. Comments in its first 30 lines may say how it ought to end; without
them it ought to exit with 0:

    expect-status: 2           exit status
    expect-signal: SIGABRT     or the signal that it dies by
    expect-stderr: regex       must be found in stderr (several lines: each of them)
    expect-stdout: regex       the same for stdout
    test-environment: N=V      set for the test
    test-traced: no            never with tracing on: its thread and its file are in the test's way

With RUNG_TEST_TRACED=1 the test runs with RUNG_TRACE, and Go's own reader has to accept its traces, if it ended by itself.

At the timeout the test gets SIGQUIT first, so that rung prints every stack, and SIGKILL a little later.
Exits with 0 for a pass, 1 for a failure, 77 where the test skipped. With RUNG_STRICT=1 a script that
skips has failed, since its tool is missing, unless its reason speaks of the kernel.
"""
import argparse
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile

SKIPPED = 77
GRACE = 5  # seconds from SIGQUIT to SIGKILL
LONG = 5  # times the timeout, with RUNG_TEST_LONG=1
MOST = 90000  # characters shown of each stream: ctest would cut away the end, which says what is wrong


def read_directives(path):
    directives = {}
    with open(path, errors="replace") as file:
        for _, line in zip(range(30), file):
            match = re.search(r"\b((?:expect|test)-[a-z]+):\s*(.*?)\s*(?:\*/\s*)?$", line)
            if match:
                directives.setdefault(match[1], []).append(match[2])
    return directives


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def run(command, environment, timeout):
    """Gives back (status, stdout, stderr, is_late); the status is negative for a signal."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    is_late = False
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        is_late = True
        signal_group(process, signal.SIGQUIT)
        try:
            out, err = process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            signal_group(process, signal.SIGKILL)
            out, err = process.communicate()
    signal_group(process, signal.SIGKILL)  # what it may have left behind
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), is_late


def end_of(text):
    return text if len(text) <= MOST else f"... {len(text) - MOST} characters before\n" + text[-MOST:]


def describe(status):
    return f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"


def judge(directives, status, out, err):
    """Gives back the list of what is wrong."""
    wanted = 0
    if "expect-status" in directives:
        wanted = int(directives["expect-status"][0])
    elif "expect-signal" in directives:
        wanted = -signal.Signals[directives["expect-signal"][0]]
    wrong = []
    if status != wanted:
        wrong.append(f"ended with {describe(status)}, expected {describe(wanted)}")
    for name, text in (("stdout", out), ("stderr", err)):
        for regex in directives.get("expect-" + name, []):
            if not re.search(regex, text, re.MULTILINE):
                wrong.append(f"not in {name}: {regex}")
    return wrong


def judge_traces(directory):
    """Gives back what Go's reader finds wrong with the traces there."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "judge"))
    import _trace
    program = _trace.build()
    if program is None:
        return ["no Go of 1.25 or later, whose trace reader is the judge"]
    return _trace.judge(program, [os.path.join(directory, name) for name in sorted(os.listdir(directory))])[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--environment", action="append", default=[])
    parser.add_argument("--must-expect", action="store_true")
    parser.add_argument("file")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    directives = read_directives(options.file)
    if options.must_expect and not any(name.startswith("expect-") for name in directives):
        print(f"{options.file}: a test that must die has to say how (expect-status, ...)")
        return 1
    environment = dict(os.environ)
    for assignment in options.environment + directives.get("test-environment", []):
        name, _, value = assignment.partition("=")
        environment[name] = value
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell that runs us in the background has it ignored, and so would the test
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

    with tempfile.TemporaryDirectory() as directory:
        is_traced = (os.environ.get("RUNG_TEST_TRACED") == "1" and "test-traced" not in directives and
                     not options.file.endswith((".sh", ".py")))
        if is_traced:
            environment["RUNG_TRACE"] = os.path.join(directory, "trace")
        return run_and_judge(options, directives, environment, directory if is_traced else None)


def run_and_judge(options, directives, environment, traces):
    timeout = options.timeout * (LONG if os.environ.get("RUNG_TEST_LONG") == "1" else 1)
    status, out, err, is_late = run(options.command, environment, timeout)
    sys.stdout.write(end_of(out))
    sys.stdout.write(end_of(err))
    if status == SKIPPED:
        is_script = options.file.endswith((".sh", ".py"))
        if is_script and os.environ.get("RUNG_STRICT") == "1" and "kernel" not in out + err:
            print("\nFAILED: it skipped, and with --strict it may not")
            return 1
        return SKIPPED
    wrong = judge(directives, status, out, err)
    if traces and status >= 0:  # one that was killed could not write the end
        wrong += judge_traces(traces)
    if is_late:
        wrong = [f"did not end within {timeout:g} s"]
    if not wrong:
        return 0
    settings = [f"{name}={os.environ[name]}" for name in ("RUNG_CHAOS", "RUNG_TEST_LONG") if name in os.environ]
    settings += options.environment + directives.get("test-environment", [])
    print("\nFAILED: " + "; ".join(wrong))
    print("again:  " + shlex.join(settings + options.command))
    return 1


if __name__ == "__main__":
    sys.exit(main())
