#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Go's own tests of its trace do (internal/trace: TestTrace*), done with rung, and the same things checked.

test-timeout: 240
test-presets: release debug asan

Each play of trace_go.c, as it is and with a new generation each millisecond. Go's validator accepts all; two readings of a trace
tell the same; nobody is woken in vain; a goroutine that was in the kernel all along comes back; annotations come in order,
across the trace's ends. (The CPU profile within the trace: trace_play.py; stacks: trace_stacks.py.)
"""
import glob
import os
import subprocess
import sys
import tempfile

import _trace

ROUNDS = 5 if os.environ.get("RUNG_TEST_LONG") == "1" else 1

wrong = []


def expect(is_true, sentence):
    if not is_true:
        wrong.append(sentence)


def check_futile(events):
    """Between two blocks of a special goroutine it has always done what it was woken for."""
    special, state, blocks = set(), {}, 0
    for event in events:
        if event.what[0] == "region" and event.what[2] == "special":
            (special.add if event.kind == "RegionBegin" else special.discard)(event.goroutine)
        if event.what[0] == "log":
            state[event.goroutine] = None
        if event.what[0] != "go":
            continue
        goroutine, before, after = int(event.what[1]), event.what[2], event.what[3]
        if goroutine not in special or before == after:
            continue
        if (before, after) == ("Running", "Waiting"):
            blocks += 1
            expect(state.get(goroutine) != "woken", f"futile: {goroutine} was woken in vain at {event.time}")
            state[goroutine] = "blocked"
        elif (before, after) == ("Runnable", "Running") and state.get(goroutine) == "ready":
            state[goroutine] = "woken"
        elif (before, after) == ("Waiting", "Runnable"):
            state[goroutine] = "ready"
        else:
            state[goroutine] = None
    expect(blocks > 0, "futile: nobody ever blocked")


def check_pipe(events):
    """Who was in a system call as the trace began leaves it, and ends."""
    story = {}
    for _, goroutine, before, after, _, _ in _trace.changes(events):
        story.setdefault(goroutine, []).append((before, after))
    readers = [steps for steps in story.values() if steps[0] == ("Undetermined", "Syscall")]
    expect(len(readers) == 1, f"pipe: {len(readers)} goroutines in a system call at the beginning")
    for steps in readers:
        moves = [step for step in steps if step[0] != step[1]]
        expect(moves[1:3] == [("Syscall", "Runnable"), ("Runnable", "Running")], f"pipe: it did {moves}")


ANNOTATIONS = ["TaskBegin task0", "RegionBegin unended region", "RegionBegin region0", "RegionBegin region1",
               "Log key0 0123456789abcdef", "RegionEnd region1", "RegionEnd region0", "TaskEnd task0",
               "RegionEnd pre-existing region", "RegionBegin post-existing region", "RegionBegin task0 region"]


def check_annotations(events):
    told = [" ".join([event.kind, *event.what[3 if event.what[0] == "task" else 2:]]) for event in events
            if event.what[0] in ("task", "region", "log")]
    expect(told == ANNOTATIONS, f"annotations: {told}")


def check_annotations_stress(events):
    """Tasks keep their parents, wherever they began."""
    parents = {event.what[1]: event.what[2] for event in events if event.kind == "TaskBegin"}
    kinds = {event.what[1]: event.what[3] for event in events if event.kind == "TaskBegin"}
    expect(sorted(kinds.values()).count("do") >= 16, f"annotations_stress: {sorted(kinds.values())}")
    within = [task for task, kind in kinds.items() if kind == "type3"]
    expect(len(within) == 1 and any(parent == within[0] for parent in parents.values()), "annotations_stress: no child of type3")
    regions = {event.what[2] for event in events if event.kind == "RegionBegin"}
    expect({"fanout", "region0", "region5"} <= regions, f"annotations_stress: regions {regions}")


def check_stress(events):
    """It saw each kind of state and reason."""
    reasons = {why for _, _, _, now, why, _ in _trace.changes(events) if now == "Waiting"}
    expect({"chan receive", "network", "forever", "sleep"} <= reasons, f"stress: reasons {reasons}")


PLAYS = {"futile": check_futile, "pipe": check_pipe, "annotations": check_annotations,
         "annotations_stress": check_annotations_stress, "stress": check_stress, "starts": None, "crowd": None}


def reread(judge, trace):
    say = lambda: subprocess.run([judge, "-print", trace], capture_output=True).stdout
    expect(say() == say(), f"{trace}: read twice it differs")


def main():
    judge = _trace.need()
    program = os.path.join(os.environ["RUNG_BUILD"], "tests", "judge", "trace_go")
    traces = 0
    for _ in range(ROUNDS):
        for play, check in PLAYS.items():
            for every in "0", "1":
                with tempfile.TemporaryDirectory() as directory:
                    path = os.path.join(directory, play)
                    # With one processor, that of the reader in the kernel is taken: others wait for it.
                    environment = dict(os.environ, RUNG_PROCS="1" if play == "pipe" else "4")
                    result = subprocess.run([program, play, path, every], env=environment, text=True, capture_output=True)
                    expect(result.returncode == 0, f"{play} {every}: {result.returncode}: {result.stderr[-600:]}")
                    found = glob.glob(path + "*")
                    good, bad = _trace.judge(judge, found)
                    wrong.extend(f"{play} {every}: {text}" for text in bad)
                    traces += good
                    if good == len(found) and check:
                        check(_trace.events(judge, path))
                        reread(judge, path)
    print(f"{traces} traces accepted")
    for text in wrong[:20]:
        print(text)
    return bool(wrong) or traces == 0


if __name__ == "__main__":
    sys.exit(main())
