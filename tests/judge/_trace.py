# SPDX-License-Identifier: MIT
"""Shared by the tests that have traces judged: Go's own reader and validator, as a program, and what it says."""
import atexit
import collections
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading

SOURCE = os.environ.get("RUNG_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(SOURCE, "build", "tracejudge")

judged = 0  # traces that were accepted; said at the end, where builds.py adds them up
judged_lock = threading.Lock()

Event = collections.namedtuple("Event", "time kind thread proc goroutine stack what")
Frame = collections.namedtuple("Frame", "function file line")


def skip(why):
    print("skip: " + why)
    sys.exit(77)


def go_command():
    for path in ("/usr/local/go/bin/go", shutil.which("go")):
        if path and os.path.exists(path):
            return path
    return None


def build():
    """Gives back the judge's path; None where there is no Go of 1.25 or later."""
    go = go_command()
    if go is None:
        return None
    root = subprocess.run([go, "env", "GOROOT"], text=True, capture_output=True, check=True).stdout.strip()
    if not os.path.exists(os.path.join(root, "src", "internal", "trace", "tracev2")):
        return None
    os.makedirs(PLACE, exist_ok=True)
    source = os.path.join(SOURCE, "tests", "judge", "tracejudge", "main.go")
    program = os.path.join(PLACE, "tracejudge")
    with open(os.path.join(PLACE, "lock"), "w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(program) and os.path.getmtime(program) >= os.path.getmtime(source):
            return program
        overlay = os.path.join(PLACE, "overlay.json")
        with open(overlay, "w") as file:  # Go's internal packages are for what lies in its own tree
            json.dump({"Replace": {os.path.join(root, "src", "cmd", "tracejudge", "main.go"): source}}, file)
        environment = dict(os.environ, GOFLAGS="", GOTOOLCHAIN="local")
        environment.setdefault("GOCACHE", os.path.join(PLACE, "cache"))
        subprocess.run([go, "build", "-overlay", overlay, "-o", program, "cmd/tracejudge"],
                       cwd=os.path.join(root, "src"), env=environment, check=True)
    return program


def need():
    program = build()
    if program is None:
        skip("no Go of 1.25 or later, whose trace reader is the judge")
    return program


def say_judged():
    if judged:
        print(f"traces judged: {judged}", flush=True)


atexit.register(say_judged)


def judge(program, paths):
    """Gives back (how many are good, [what is wrong])."""
    global judged
    good, wrong = 0, []
    for i in range(0, len(paths), 200):
        result = subprocess.run([program] + paths[i:i + 200], text=True, capture_output=True)
        for line in result.stdout.splitlines():
            if line.startswith("ok "):
                good += 1
            elif line.startswith("bad "):
                wrong.append(line[:600])
        if result.stderr:
            wrong.append(result.stderr[-600:])
    with judged_lock:
        judged += good
    return good, wrong


def parse_stack(text):
    stack = []
    for frame in text.split("|") if text else []:
        function, _, place = frame.rpartition("@")
        file, _, line = place.rpartition(":")
        stack.append(Frame(function, file, int(line)))
    return stack


def events(program, path):
    """Every event of a good trace; a bad one fails the test."""
    found = []
    result = subprocess.run([program, "-print", path], text=True, capture_output=True)
    for line in result.stdout.splitlines():
        if line.startswith(("ok ", "bad ")):
            if line.startswith("bad "):
                print(line)
                sys.exit(1)
            continue
        time, kind, thread, proc, goroutine, stack, *what = line.split("\t")
        found.append(Event(int(time), kind, int(thread), int(proc), int(goroutine), parse_stack(stack), what))
    return found


def changes(all_events):
    """Goroutines' changes of state: (event, goroutine, from, to, reason, stack)."""
    for event in all_events:
        if event.what[:1] == ["go"]:
            _, goroutine, before, after, reason, stack = event.what
            yield event, int(goroutine), before, after, reason, parse_stack(stack)
