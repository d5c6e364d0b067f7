#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flight recorders, what is rescued of them, and the command `rung trace`.

test-timeout: 240
test-presets: release asan
test-labels: slow

Ended, or killed at random moments under load, a program leaves a file of which a valid trace is made, that ends at most 50 ms
before the last thing that it did (1,000 times with --long). Snapshots of two recorders beside a trace, at a trigger, and at a
panic, a deadlock and an overflow are valid, and show how it came to that.
"""
import glob
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import _trace

IS_LONG = os.environ.get("RUNG_TEST_LONG") == "1"
KILLS = 1000 if IS_LONG else 25
OLDEST_MS = 50
BUILD = os.environ["RUNG_BUILD"]
PLAY = os.path.join(BUILD, "tests", "judge", "trace_play")
RUNG = os.path.join(BUILD, "rung")
SEED = int(os.environ.get("RUNG_SEED") or time.time())

wrong = []


def expect(is_true, sentence):
    if not is_true:
        wrong.append(sentence)


def run(*arguments, **environment):
    return subprocess.run(arguments, env=dict(os.environ, **environment), text=True, errors="replace",
                          capture_output=True)


def beat_of(beat):
    """When it did something last, in ms of its clock; 0 before that."""
    with open(beat, "rb") as beats:
        return int.from_bytes(beats.read(), "little") / 1e6


def start_load(beat, **environment):
    """The load, once it is at work: how long that takes is the machine's affair."""
    with open(beat, "wb"):
        pass
    process = subprocess.Popen([PLAY, "load", beat], env=dict(os.environ, **environment), stderr=subprocess.DEVNULL)
    while process.poll() is None and beat_of(beat) == 0:
        time.sleep(0.001)
    expect(process.returncode is None, f"load ended with {process.returncode}")
    return process


def kill_and_salvage(judge, directory):
    ages, good = [], 0
    file, trace, beat = (os.path.join(directory, name) for name in ("flight", "salvaged", "beat"))
    for _ in range(KILLS):
        process = start_load(beat, RUNG_FLIGHT=file, RUNG_PROCS="2")
        time.sleep(random.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        result = run(RUNG, "trace", "salvage", file, "-o", trace)
        expect(result.returncode == 0, f"salvage ended with {result.returncode}: {result.stderr[-300:]}")
        accepted, bad = _trace.judge(judge, [trace])
        good += accepted
        wrong.extend(bad)
        did = beat_of(beat)  # of what it did last: it may have had no CPU since, until it was killed
        if accepted:
            ages.append(max(did - float(result.stdout.split("at ")[1].split()[0]) * 1000, 0))
        os.unlink(file)
    ages.sort()
    expect(good == KILLS, f"only {good} of {KILLS} were salvaged")
    if not ages:
        return
    late = [age for age in ages if age > OLDEST_MS]
    expect(not late, f"the last event is older than {OLDEST_MS} ms in {len(late)}: {late[-5:]}")
    share = {f"{percent} %": round(ages[len(ages) * percent // 100], 2) for percent in (50, 90, 99)}
    print(f"salvaged: {good} of {KILLS}; age of the last event in ms: {share}, at most {ages[-1]:.2f}")


def changes_of(judge, path):
    return list(_trace.changes(_trace.events(judge, path))) if os.path.exists(path) else []


def slow_regions(judge, directory):
    path = os.path.join(directory, "regions")
    result = run(PLAY, "regions", path)
    expect(result.returncode == 0 and "trigger no more" in result.stderr,
           f"regions ended with {result.returncode}: {result.stderr[-500:]}")
    wrong.extend(_trace.judge(judge, glob.glob(path + ".dump.*"))[1])


def salvage_after_restart(judge, directory):
    """Who is started again at once leaves the memory of the one before beside its own."""
    file, trace, beat = (os.path.join(directory, name) for name in ("again", "again.trace", "beat"))
    for _ in range(2):
        process = start_load(beat, RUNG_FLIGHT=file, RUNG_PROCS="2")
        process.send_signal(signal.SIGKILL)
        process.wait()
    for kept in file, file + ".old":
        result = run(RUNG, "trace", "salvage", kept, "-o", trace)
        expect(result.returncode == 0, f"salvage of {kept} ended with {result.returncode}: {result.stderr[-300:]}")
        wrong.extend(_trace.judge(judge, [trace])[1])


def salvage_after_end(judge, directory):
    """rung_run's return, and an exit within it, leave the memory as it was then."""
    for play in "notes", "exits":
        file, trace = (os.path.join(directory, name) for name in ("ended", "ended.trace"))
        result = run(PLAY, play, RUNG_FLIGHT=file)
        expect(result.returncode == 0, f"{play} ended with {result.returncode}: {result.stderr[-300:]}")
        result = run(RUNG, "trace", "salvage", file, "-o", trace)
        expect(result.returncode == 0, f"salvage after {play} ended with {result.returncode}: {result.stderr[-300:]}")
        wrong.extend(_trace.judge(judge, [trace])[1])
        with open(trace, "rb") as salvaged:
            written = subprocess.run([RUNG, "trace", "salvage", file, "-o", "-"], capture_output=True).stdout
            expect(written == salvaged.read(), f"salvage after {play} writes something else to stdout")


def memory_by_environment(directory):
    sizes = []
    for memory in "", "256m":
        file = os.path.join(directory, "sized" + memory)
        result = run(PLAY, "notes", RUNG_FLIGHT=file, RUNG_FLIGHT_MEMORY=memory)
        expect(result.returncode == 0, f"with RUNG_FLIGHT_MEMORY={memory}: {result.stderr[-300:]}")
        sizes.append(os.path.getsize(file))
    expect(sizes[0] < 256 << 20 <= sizes[1], f"RUNG_FLIGHT_MEMORY makes no difference: {sizes}")


def salvage_without_room(judge, directory):
    """Where events found no memory before the end, it ends with the last generation that is whole."""
    file, trace = os.path.join(directory, "full"), os.path.join(directory, "full.trace")
    with subprocess.Popen([PLAY, "stuck", file], env=dict(os.environ, RUNG_PROCS="2"), stdout=subprocess.PIPE) as process:
        expect(process.stdout.readline() == b"full\n", "stuck ended")
        process.kill()
    result = run(RUNG, "trace", "salvage", file, "-o", trace)
    expect(result.returncode == 0, f"salvage ended with {result.returncode}: {result.stderr[-300:]}")
    good, bad = _trace.judge(judge, [trace])
    wrong.extend(bad)
    print(f"without room: {good} accepted")


def snapshots(judge, directory):
    path = os.path.join(directory, "snapshot")
    result = run(PLAY, "flight", path, RUNG_PROCS="2")
    expect(result.returncode == 0, f"flight ended with {result.returncode}: {result.stderr[-500:]}")
    asan = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"
    for play, end in (("panics", -signal.SIGABRT), ("deadlocks", 2), ("overflows", -signal.SIGSEGV)):
        result = run(PLAY, play, f"{path}.{play}", RUNG_PROCS="2", ASAN_OPTIONS=asan)
        expect(result.returncode == end, f"{play} ended with {result.returncode}: {result.stderr[-500:]}")
    process = start_load(os.path.join(directory, "beat"), RUNG_TRACE=path + ".quit")
    time.sleep(0.3)
    process.send_signal(signal.SIGQUIT)
    expect(process.wait() == 2, f"SIGQUIT ended it with {process.returncode}")
    traces = sorted(glob.glob(path + ".*"))
    expect(len(traces) == 9, f"snapshots: {traces}")
    good, bad = _trace.judge(judge, traces)
    wrong.extend(bad)
    print(f"snapshots: {good} accepted")
    blocked = [stack for _, _, _, state, _, stack in changes_of(judge, path + ".deadlocks.dump.1") if state == "Waiting"]
    expect(any(frame.function == "waits_for_nobody" for stack in blocked for frame in stack), f"deadlocks: {blocked}")
    began = [stack for _, _, was, _, _, stack in changes_of(judge, path + ".overflows.dump.1") if was == "NotExist"]
    expect(any(stack and stack[0].function == "goes_too_deep" for stack in began), "overflows: who went too deep is not there")


def commands(judge, directory):
    trace, cut = os.path.join(directory, "recorded"), os.path.join(directory, "cut")
    result = run(RUNG, "trace", "record", "-o", trace, "--", PLAY, "notes", RUNG_TRACE_EVERY="1")
    expect(result.returncode == 0, f"record: {result.stderr}")
    subprocess.run([RUNG, "trace", "record", "-o", "from_here", "--", "env", "-C", os.sep, PLAY, "notes"], cwd=directory, check=True)
    expect(os.path.exists(os.path.join(directory, "from_here")), "record: the trace is where the program went")
    stats = ""
    while not wrong and "chan receive in actor" not in stats:  # on a busy machine the partner may have sent before
        print(stats, end="", flush=True)
        result = run(RUNG, "trace", "record", "-o", trace, "--", PLAY, "truth", RUNG_TRACE_EVERY="10", RUNG_PROCS="1")
        expect(result.returncode == 0, f"record: {result.stderr}")
        stats = run(RUNG, "trace", "stats", trace).stdout
    result = run(RUNG, "trace", "cut", "--from", "0.05", "--to", "0.12", trace, "-o", cut)
    expect(result.returncode == 0, f"cut: {result.stderr}")
    good, bad = _trace.judge(judge, [trace, cut])
    wrong.extend(bad)
    expect(os.path.getsize(cut) < os.path.getsize(trace), "cut: nothing was cut")
    expect("GoUnblock" in stats and "sleep in ticker" in stats, "stats: " + stats)
    perfetto = json.loads(run(RUNG, "trace", "to", "perfetto", trace).stdout)["traceEvents"]
    kinds = {event["ph"] for event in perfetto}
    expect(kinds == {"M", "X", "s", "f"}, f"perfetto: kinds {kinds}")
    expect(any(event.get("args", {}).get("name") == "actor" for event in perfetto), "perfetto: no track of the actor")
    scope = json.loads(run(RUNG, "trace", "to", "speedscope", trace).stdout)
    profile = scope["profiles"][0]
    expect(len(profile["samples"]) == len(profile["weights"]) > 0, "speedscope: no samples")
    names = [frame["name"] for frame in scope["shared"]["frames"]]
    expect({"rung_sleep", "actor"} <= set(names), "speedscope: frames")
    deepest = max(profile["samples"], key=len)
    expect(len(deepest) > 40 and names[deepest[-1]] == "rung_sleep", f"speedscope: the deepest stack is {len(deepest)} frames")
    expect(any(weight >= 0.02 for weight in profile["weights"]), "speedscope: nobody was blocked for long")
    for arguments in ([], ["stats"], ["nonsense"], ["to", "nonsense", trace], ["stats", "/no/such"], ["stats", PLAY],
                      ["salvage", trace, "-o", cut], ["cut", "--from", "9", "--to", "8", trace, "-o", cut],
                      ["cut", "--from", "soon", trace, "-o", cut], ["cut", "--to", "nan", trace, "-o", cut],
                      ["cut", "--from", "1s", trace, "-o", cut], ["stats", trace, "-o", cut], ["stats", trace, "--from", "0"],
                      ["to", "perfetto", trace, "--to", "1"], ["stats", trace, "-"], ["stats", trace, ""]):
        result = run(RUNG, "trace", *arguments)
        expect(result.returncode in (1, 2) and result.stderr, f"{arguments}: {result.returncode} {result.stderr!r}")
    print(f"commands: {good} traces accepted")


def main():
    if not os.path.exists(RUNG):
        _trace.skip("the command was not built: no libdw")
    judge = _trace.need()
    random.seed(SEED)
    with tempfile.TemporaryDirectory() as directory:
        snapshots(judge, directory)
        slow_regions(judge, directory)
        memory_by_environment(directory)
        salvage_after_restart(judge, directory)
        salvage_after_end(judge, directory)
        salvage_without_room(judge, directory)
        commands(judge, directory)
        kill_and_salvage(judge, directory)
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
