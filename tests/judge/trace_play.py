#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traces of programs whose story is known: the trace tells that, event by event; and traces begun and ended in the middle.

test-timeout: 240
test-presets: release debug asan arm64
test-serial: yes

trace_play.c has the plays. truth: every change of state of one goroutine, its reason, and how long it was in it. notes: tasks,
regions, logs and labels, and each wrong use. texts: more of them than a generation has room for; late: a region
that begins among them. many: eight goroutines begin and end traces while others do everything there is. samples: CPU samples of
two hogs, which `rung trace stats` counts, too; naps: of a thread that sleeps. slow: the reader is too slow, and what it got is
whole nevertheless. lossy: the same, and it goes on in another file.
"""
import glob
import itertools
import os
import subprocess
import sys
import tempfile
import time

import _trace

LAUNCHER = os.environ.get("RUNG_LAUNCHER", "").split()
SLACK = 40e6 * (5 if LAUNCHER else 1)  # how much longer than planned a state may last: the machine is busy


wrong = []


def expect(is_true, sentence):
    if not is_true:
        wrong.append(sentence)
    return is_true


def play(name, directory, **environment):
    """Runs it, and gives back its trace's path and output."""
    path = os.path.join(directory, name)
    program = os.path.join(os.environ["RUNG_BUILD"], "tests", "judge", "trace_play")
    result = subprocess.run(LAUNCHER + [program, name, path], env=dict(os.environ, **environment), text=True,
                            capture_output=True)
    expect(result.returncode == 0, f"{name} ended with {result.returncode}: {result.stderr[-600:]}")
    return path, result.stdout


def goroutine_of(changes, function):
    """The number of the one that began with that function."""
    return next(g for _, g, was, _, _, stack in changes if was == "NotExist" and stack[0].function == function)


# What the actor does: (state before, state after, reason, least ms in the state before), in this order.
TRUTH = [
    ("NotExist", "Runnable", "", None),
    ("Runnable", "Running", "", None),
    ("Running", "Waiting", "sleep", None),
    ("Waiting", "Runnable", "", 20),
    ("Runnable", "Running", "", None),
    ("Running", "Waiting", "chan receive", None),
    ("Waiting", "Runnable", "", 25),
    ("Runnable", "Running", "", None),
    ("Running", "Waiting", "sync", None),
    ("Waiting", "Runnable", "", 35),
    ("Runnable", "Running", "", None),
    ("Running", "Waiting", "chan send", None),
    ("Waiting", "Runnable", "", 20),
    ("Runnable", "Running", "", None),
    ("Running", "Syscall", "", None),
    ("Syscall", "Runnable", "", 15),
    ("Runnable", "Running", "", None),
    ("Running", "Syscall", "", 5),
    ("Syscall", "Runnable", "", 5),
    ("Runnable", "Running", "", None),
    ("Running", "Waiting", "sleep", None),
    ("Waiting", "Runnable", "", 5),
    ("Runnable", "Running", "", None),
    ("Running", "NotExist", "", None),
]


def tell_truth(judge, directory):
    """What is wrong with one run's story, as sentences."""
    path = os.path.join(directory, "truth.trace")
    play("truth", directory, RUNG_TRACE=path, RUNG_PROCS="1")
    changes = list(_trace.changes(_trace.events(judge, path)))
    actor = goroutine_of(changes, "actor")
    story = [(event.time, was, now, reason) for event, g, was, now, reason, _ in changes if g == actor and was != now]
    told = [step[1:] for step in story]
    planted = [(was, now, reason) for was, now, reason, _ in TRUTH]
    for i, step in enumerate(planted):
        if i >= len(told) or told[i] != step:
            return [f"truth: step {i} is {told[i] if i < len(told) else 'missing'}, planted was {step}"]
    if len(told) != len(planted):
        return [f"truth: {len(told)} steps, planted were {len(planted)}"]
    lasted = [(story[i][0] - story[i - 1][0]) / 1e6 for i in range(len(story))]
    return [f"truth: step {i}, {TRUTH[i][0]} for {lasted[i]:.1f} ms, planted were {TRUTH[i][3]}" for i in range(len(TRUTH))
            # An emulator takes milliseconds to begin with a sleep whose end is set already.
            if TRUTH[i][3] is not None and lasted[i] < TRUTH[i][3] * 0.98 and not LAUNCHER or
            TRUTH[i][3] is not None and lasted[i] > TRUTH[i][3] * 2 + SLACK]


def judge_truth(judge, directory):
    for attempt in itertools.count(1):  # a busy machine stretches what was planned, and takes a processor too late
        found = tell_truth(judge, directory)
        if not found or wrong:
            print(f"truth: {len(TRUTH)} steps as planted" + (f", in attempt {attempt}" if attempt > 1 else ""))
            return
        print("\n".join(found), flush=True)


NOTES = [
    "task 0 request", "task request part", "region request outer", "region part inner", "log part category message",
    "region 0 left open", "region part inner", "region request outer", "task request part", "task 0 ", "task 0 request",
    "label " + "x" * 1024, "label ?? caf\xe9 ???", "log 0  ", "region 0 ", "region 0 ",
]


def judge_notes(judge, directory):
    path = os.path.join(directory, "notes.trace")
    play("notes", directory, RUNG_TRACE=path)
    names, told = {"0": "0"}, []
    for event in _trace.events(judge, path):
        if event.kind == "TaskBegin":
            names[event.what[1]] = event.what[3]
    for event in _trace.events(judge, path):
        what = event.what
        parent = lambda number: names.get(number, "?" if number not in ("0", str(2**64 - 1)) else "0")
        if what[0] == "task":
            told.append(f"task {parent(what[2])} {what[3]}")
        elif what[0] in ("region", "log"):
            told.append(" ".join([what[0], parent(what[1])] + what[2:]))
        elif what[0] == "label":
            told.append("label " + what[1])
    expect(told == NOTES, "notes: told were\n  " + "\n  ".join(t[:60] for t in told) + "\nplanted were\n  " +
           "\n  ".join(t[:60] for t in NOTES))
    print(f"notes: {len(told)} as planted")


def judge_texts(judge, directory):
    """Each text is there, or it says that there was no room; the generation ends before long."""
    path = os.path.join(directory, "texts.trace")
    play("texts", directory, RUNG_TRACE=path, RUNG_PROCS="1")
    told = [event.what[3] for event in _trace.events(judge, path) if event.kind == "Log"]
    lost = [text for i, text in enumerate(told) if text != f"text {i}"]
    expect(len(told) == 20000, f"texts: {len(told)} lines")
    expect(set(lost) <= {"(no room for this text)"}, f"texts: instead of them, {sorted(set(lost))[:3]}")
    print(f"texts: {len(told) - len(lost)} of {len(told)}")


def judge_late(judge, directory):
    """A region has its name at both ends: a reader gives up where they differ."""
    path, _ = play("late", directory, RUNG_PROCS="1")
    regions = [(event.kind, event.what[2]) for event in _trace.events(judge, path) if event.what[0] == "region"]
    expect(regions == [("RegionBegin", "too late"), ("RegionEnd", "too late")], f"late: {regions}")


def judge_many(judge, directory):
    total = 0
    for procs, chaos in (("1", ""), ("2", "7"), ("3", ""), ("4", "8")):
        path, _ = play("many", directory, RUNG_PROCS=procs, RUNG_CHAOS=chaos)
        traces = [trace for trace in glob.glob(path + ".*") if os.path.getsize(trace) > 0]
        good, bad = _trace.judge(judge, traces)
        wrong.extend(f"many, RUNG_PROCS={procs} RUNG_CHAOS={chaos}: {text}" for text in bad)
        expect(good >= 20, f"many: only {good} traces with RUNG_PROCS={procs} RUNG_CHAOS={chaos}")
        total += good
        for trace in glob.glob(path + "*"):
            os.unlink(trace)
    print(f"many: {total} traces accepted")


def judge_slow(judge, directory):
    path, output = play("slow", directory, RUNG_PROCS="1")  # so that each yield is for somebody, and told of
    expect("slow: -105" in output, f"slow: {output!r}, not ENOBUFS")  # or nothing was lost, and nothing shown
    good, bad = _trace.judge(judge, [path])
    wrong.extend("slow: " + text for text in bad)
    print(f"slow: {good} trace accepted, {os.path.getsize(path)} bytes")


def judge_lossy(judge, directory):
    """Nobody reads the pipe for a while: that trace ends, tells so, and goes on in a file."""
    path = os.path.join(directory, "lossy")
    os.mkfifo(path)
    with subprocess.Popen(["sh", "-c", f"exec 3<'{path}'; until [ -e '{path}.read' ]; do sleep 0.02; done; "
                           f"exec cat <&3 >'{path}.part1'"]) as reader:
        _, output = play("lossy", directory, RUNG_PROCS="1")
    expect("lossy: -105" in output and reader.returncode == 0, f"lossy: {output!r}, not ENOBUFS")
    parts = sorted(glob.glob(path + ".part*"), key=lambda part: int(part.rpartition("part")[2]))
    good, bad = _trace.judge(judge, parts)
    wrong.extend("lossy: " + text for text in bad)
    if bad or not expect(len(parts) > 1, f"lossy: files {parts}"):
        return
    logs = [[event.what[2:] for event in _trace.events(judge, part) if event.kind == "Log"] for part in parts]
    for part, lines, following in zip(parts, logs, parts[1:]):
        last = lines[-1] if lines else ["", ""]
        expect(last[0] == "rung" and "events found no memory; it goes on in" in last[1] and
               last[1].endswith(os.path.basename(following)), f"lossy: {part} ends with {last}")
    expect(["lossy", "begin"] in logs[0] and ["lossy", "end"] in logs[-1], f"lossy: logs {logs}")
    print(f"lossy: {good} parts accepted")


def judge_samples(judge, directory):
    """Go's TestTraceCPUProfile: who hogs a processor is found in samples, on its own goroutine, with its whole stack."""
    path = os.path.join(directory, "samples.trace")
    play("samples", directory, RUNG_TRACE=path, RUNG_TRACE_CPU="200", RUNG_TRACE_EVERY="100", RUNG_PROCS="2")
    all_events = _trace.events(judge, path)
    changes = list(_trace.changes(all_events))
    labels = {event.goroutine: event.what[1] for event in all_events if event.kind == "Label"}
    samples = [event for event in all_events if event.kind == "StackSample"]
    for name, other in ("one", "two"), ("two", "one"):
        goroutine = goroutine_of(changes, "hog_" + name)
        stacks = [[frame.function for frame in event.stack] for event in samples if event.goroutine == goroutine]
        whole = [stack for stack in stacks if stack == ["spin_" + name, "work_" + name, "hog_" + name]]
        expect(labels.get(goroutine) == "label " + name, f"samples: {name} is labelled {labels.get(goroutine)!r}")
        expect(len(whole) >= 20, f"samples: {len(whole)} of {len(stacks)} of {name} are its loop, such as {stacks[:3]}")
        lost = [stack for stack in stacks if stack[-1] != "hog_" + name and stack[-1] != "next_slow"]  # that: as it ends
        expect(not lost, f"samples: of {name} do not end at its root: {lost[:3]}")
        print(f"samples: {len(whole)} of {len(stacks)} of {name} are its loop")
    elsewhere = [event for event in samples if event.goroutine == 0 and any("spin_" in f.function for f in event.stack)]
    expect(not elsewhere, f"samples: {len(elsewhere)} of the loops have no goroutine")
    judge_counted_samples(path, samples)


def judge_counted_samples(path, samples):
    """`rung trace stats` counts what Go's reader does, by kind and by function."""
    rung = os.path.join(os.environ["RUNG_BUILD"], "rung")
    if not os.path.exists(rung):
        return
    stats = subprocess.run([rung, "trace", "stats", path], text=True, capture_output=True).stdout
    expect(f"{len(samples):12}  CPUSample\n" in stats, f"samples: not {len(samples)} in {stats}")
    for name in "one", "two":
        count = sum(event.stack[0].function == "spin_" + name for event in samples)
        line = f"{count:8} {100 * count / len(samples):6.1f}  spin_{name}\n"
        expect(line in stats, f"samples: no line {line!r} in {stats}")


def judge_naps(judge, directory):
    """While its thread sleeps a goroutine may run elsewhere: a sample there ends at g0's root, and not on its stack."""
    path = os.path.join(directory, "naps.trace")
    stacks, asleep = [], []
    while len(asleep) < 5 and not wrong:
        play("naps", directory, RUNG_TRACE=path, RUNG_TRACE_CPU="1000", RUNG_PROCS="1")
        stacks += [[frame.function for frame in event.stack] for event in _trace.events(judge, path) if event.kind == "StackSample"]
        asleep = [stack for stack in stacks if "m_stop" in stack]
    astray = [stack for stack in asleep if stack[-1] != "rung_g0_root"]
    expect(not astray, f"naps: {len(astray)} of {len(asleep)} do not end at g0's root: {astray[:3]}")
    print(f"naps: {len(asleep)} of {len(stacks)} samples are of a thread that stops")


def judge_salvaged_samples(judge, directory):
    """Samples are in a flight recorder's memory, too, and outlive SIGKILL."""
    rung, file = os.path.join(os.environ["RUNG_BUILD"], "rung"), os.path.join(directory, "memory")
    if not os.path.exists(rung):
        return
    program = os.path.join(os.environ["RUNG_BUILD"], "tests", "judge", "trace_play")
    environment = dict(os.environ, RUNG_FLIGHT=file, RUNG_TRACE_CPU="250", RUNG_PROCS="2")
    for seconds in itertools.count(2):  # that are enough for it to compute for a while
        with subprocess.Popen([program, "load"], env=environment) as process:
            time.sleep(seconds)
            process.kill()
        result = subprocess.run([rung, "trace", "salvage", file, "-o", file + ".trace"], text=True, capture_output=True)
        os.unlink(file)
        if "nothing was recorded" in result.stderr:  # killed before it began
            continue
        if not expect(result.returncode == 0, f"salvage ended with {result.returncode}: {result.stderr}"):
            return
        samples = [event for event in _trace.events(judge, file + ".trace") if event.kind == "StackSample"]
        if any(frame.function == "busy" for event in samples for frame in event.stack):
            print(f"salvaged: {len(samples)} samples")
            return
        print(f"salvaged, and once more: {samples[:3]}", flush=True)


def main():
    judge = _trace.need()
    with tempfile.TemporaryDirectory() as directory:
        parts = [judge_truth, judge_notes, judge_texts, judge_late, judge_slow, judge_lossy, judge_many]
        if not LAUNCHER:
            parts += [judge_samples, judge_naps, judge_salvaged_samples]  # an emulator has no timers of its threads' CPU time
        for part in parts:
            part(judge, directory)
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
