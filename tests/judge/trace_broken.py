#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`rung trace` on files that are broken, hostile, or its own output: a clear answer, soon, and nothing worse.

test-timeout: 400
test-presets: release asan
test-labels: slow

Some are made here, each for one thing that a file could do to its reader; the others are good ones in which bytes are changed
or missing, BROKEN of them (more with --long).
"""
import json
import os
import pty
import random
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["RUNG_BUILD"]
PLAY = os.path.join(BUILD, "tests", "judge", "trace_play")
RUNG = os.path.join(BUILD, "rung")
IS_LONG = os.environ.get("RUNG_TEST_LONG") == "1"
IS_ASAN = os.path.basename(BUILD) == "asan"  # whose shadow takes terabytes of address space
BROKEN = 2000 if IS_LONG else 150
SEED = int(os.environ.get("RUNG_SEED") or time.time())
PATIENCE = 100  # seconds; what hangs takes hours

NOBODY = (1 << 64) - 1  # the thread of what no thread wrote
STACKS, STACK, STRINGS, STRING = 2, 3, 4, 5
PROC_STOP, GO_CREATE, GO_START, GO_BLOCK, GO_UNBLOCK = 11, 14, 16, 20, 21

wrong = []


def expect(is_true, sentence):
    if not is_true:
        wrong.append(sentence)


def run(*arguments, **options):
    try:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.run([RUNG, "trace", *arguments], timeout=PATIENCE, **options)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, "a timeout", b"", b"")


# ---- traces that are made here ----


def number(value):
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(made) + bytes([value])


def event(kind, *arguments):
    return bytes([kind]) + b"".join(map(number, arguments))


def batch(payload, thread=NOBODY, generation=1, begin=0):
    return bytes([1]) + number(generation) + number(thread) + number(begin) + number(len(payload)) + payload


def strings(texts, generation=1):
    table = b"".join(event(STRING, id, len(text)) + text for id, text in texts.items())
    return batch(bytes([STRINGS]) + table, generation=generation)


def stack(id, frames):
    return batch(bytes([STACKS]) + event(STACK, id, len(frames)) + b"".join(number(value) for frame in frames for value in frame))


def trace(*batches):
    sync = bytes([50]) + event(8, 15625000) + event(51, 0, 0, 0, 0)
    return b"go 1.25 trace\0\0\0" + batch(sync) + b"".join(batches)


# Goroutine 7 begins as `name`, and is blocked in it for a while.
def story(name=b"worker"):
    events = (event(GO_CREATE, 0, 7, 1, 0) + event(GO_START, 1, 7, 1) + event(GO_BLOCK, 1, 100, 1) +
              event(GO_UNBLOCK, 1000, 7, 2, 0) + event(GO_START, 1, 7, 3))
    return [strings({100: b"chan receive", 101: name, 102: b"file.c"}), stack(1, [(4096, 101, 102, 3)]), batch(events, 5)]


class Files:
    def __init__(self, directory):
        self.path = os.path.join(directory, "made")
        self.output = os.path.join(directory, "output")

    def write(self, *batches):
        with open(self.path, "wb") as file:
            file.write(trace(*batches))
        return self.path


def is_refused(result, what):
    expect(result.returncode == 1 and b"rung trace: " in result.stderr, f"{what}: {result.returncode} {result.stderr[-300:]}")


def judge_kinds(files):
    """Each kind of event is as long as Go says; what comes behind it would else be no event."""
    counts = {9: 2, 10: 2, 11: 0, 12: 3, 13: 2, 14: 3, 15: 1, 16: 2, 17: 0, 18: 0, 19: 2, 20: 2, 21: 3, 22: 2, 23: 0, 24: 0, 25: 3,
              26: 2, 27: 0, 28: 1, 29: 2, 30: 1, 31: 1, 32: 1, 33: 2, 34: 1, 35: 1, 36: 0, 37: 1, 38: 1, 39: 1, 40: 4, 41: 2, 42: 3,
              43: 3, 44: 4, 45: 2, 46: 2, 47: 3, 48: 4}
    made = b"".join(event(kind, 1, *[1] * count) for kind, count in counts.items())
    result = run("stats", files.write(batch(made, 5)))
    expect(result.stdout.startswith(b"%d events of " % len(counts)), f"kinds: {result.returncode} {result.stderr} {result.stdout[:200]}")


def judge_order(files):
    """Whose clock is ahead blocks after it was woken, by time; but by its numbers that is what woke it."""
    ahead = event(GO_CREATE, 0, 7, 1, 0) + event(GO_START, 1, 7, 1) + event(GO_BLOCK, 19, 100, 1)
    behind = event(GO_UNBLOCK, 10, 7, 2, 0) + event(GO_START, 20, 7, 3)
    path = files.write(*story()[:2], batch(ahead, 5), batch(behind, 6))
    result = run("stats", path)
    expect(b"        1  chan receive in" in result.stdout, f"order: {result.stdout}")
    slices = [slice for slice in json.loads(run("to", "perfetto", path).stdout)["traceEvents"] if slice["ph"] == "X"]
    told = [slice["name"] for slice in slices]
    expect(told[:4] == ["runnable", "running", "chan receive", "runnable"] and min(slice["dur"] for slice in slices) >= 0,
           f"order: {slices}")


def judge_limits(files):
    """What is larger than the format allows is refused, before its size can matter."""
    long_stack = [(1 << 48 | i, 101, 102, 3) for i in range(200_000)]  # who asks for each from the first on takes hours
    for what, batches in (("a string", [strings({101: b"x" * 1025})]), ("a stack", [stack(1, long_stack)]),
                          ("129 frames", [stack(1, long_stack[:129])]),
                          ("a batch", [batch(event(PROC_STOP, 1) * 40_000, 5)])):
        path = files.write(*story(), *batches)
        for command in (["stats", path], ["to", "speedscope", path], ["symbolize", path, "-o", files.output]):
            is_refused(run(*command), f"{what} too large: {command[0]}")


def judge_flood(files):
    """Events that belong to no thread take up no more than they are: with little memory the rest is still told."""
    flood = [batch(event(PROC_STOP, 0) * 30_000)] * 40  # 1.2 million
    before = (lambda: resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))) if not IS_ASAN else None
    result = run("stats", files.write(*flood, *story()), preexec_fn=before)
    expect(result.returncode == 0 and b"chan receive in" in result.stdout, f"flood: {result.returncode} {result.stdout[-600:]}")


def judge_names(files, directory):
    """Function names are in whatever bytes, and cut anywhere; JSON is UTF-8."""
    for name in (b"\xff\xfeno text", "é".encode() * 60, "é".encode() * 59 + b"ab", b'quote " \\ \x01'):
        path = files.write(*story(name))
        for format in ("perfetto", "speedscope"):
            result = run("to", format, path)
            try:
                json.loads(result.stdout.decode("utf-8"))
            except ValueError as error:
                wrong.append(f"{name[:20]} to {format}: {error}")


def judge_many_functions(files):
    """Speedscope's frames are functions, each once: of 400,000 none is looked for among all."""
    batches = []
    for first in range(0, 400_000, 1000):
        batches.append(strings({1000 + i: b"function number %d" % i for i in range(first, first + 1000)}))
        batches.append(batch(bytes([STACKS]) + b"".join(event(STACK, 10 + i, 1, 4096 + i, 1000 + i, 1000 + i, 1)
                                                        for i in range(first, first + 1000))))
        events = b"".join(event(GO_START, 1, 7, i) + event(GO_BLOCK, 1, 100, 10 + i) for i in range(first, first + 1000))
        batches.append(batch(events, 5, begin=(first + 1000) * 2))
    result = run("to", "speedscope", files.write(*story(), *batches))
    expect(result.returncode == 0, f"many functions: {result.returncode} {result.stderr[-300:]}")
    frames = [frame["name"] for frame in json.loads(result.stdout or '{"shared":{"frames":[]}}')["shared"]["frames"]]
    expect(len(set(frames)) == len(frames) == 400_001, f"many functions: {len(frames)} frames, {len(set(frames))} of them different")


def judge_modules(files, directory):
    """What a trace says was loaded may be anything: no number, a pipe that nobody writes, more than there can be."""
    pipe = os.path.join(directory, "pipe")
    os.mkfifo(pipe)
    lines = ["1000 2000 abc /no/such", "3000 4000 a /no/such", "5000 6000 " + "a" * 127 + " /no/such", "7000 8000 -- /no/such",
             f"9000 a000 aabb {pipe}", "x", "b000 a000 aabb /no/such"]
    made = {1000 + i: b"rung module " + line.encode() for i, line in enumerate(lines)}
    result = run("symbolize", files.write(strings(made), *story()), "-o", files.output)
    expect(result.returncode == 0, f"modules: {result.returncode} {result.stderr[-600:]}")
    many = [{i: b"rung module %x %x aabb /no/such" % (4096 * i, 4096 * i + 4095) for i in range(first, first + 1000)}
            for first in range(1, 200_000, 1000)]
    result = run("symbolize", files.write(*map(strings, many), *story()), "-o", files.output)
    expect(result.returncode == 0, f"many modules: {result.returncode} {result.stderr[-600:]}")


def judge_own_output(files):
    """What is read is not written over."""
    path = files.write(*story())
    for command in (["cut", "--from", "0", "--to", "1", path], ["to", "perfetto", path], ["salvage", path]):
        is_refused(run(*command, "-o", path), f"{command[0]} to itself")
        with open(path, "rb") as file:
            expect(file.read() == trace(*story()), f"{command[0]} spoilt what it read")
            file.seek(0)


def judge_open_end(files):
    """What a goroutine is in at the end has no end, but it is there."""
    result = json.loads(run("to", "perfetto", files.write(*story())).stdout)["traceEvents"]
    told = [(event["name"], event["dur"] > 0) for event in result if event["ph"] == "X"]
    expect(("chan receive", True) in told and ("running", False) in told, f"open end: {told}")


# ---- memories that are made here ----

HEAD, GENERATIONS, BUFFER = 64 * 1024, 512, 16 * 1024


def memory(generation, buffers=1, state=1):
    """A recorder's, as event.h has it: one generation, and so many buffers of it."""
    head = bytearray(HEAD)
    head[:16] = struct.pack("<8sII", b"rungfl1", BUFFER, buffers)
    struct.pack_into("<IIQqqq", head, 16 + generation % GENERATIONS * 40, generation, state, 1, 64, 0, 0)
    buffer = struct.pack("<IIIIQQQQ", 1, generation, 2, 0, 5, 1, 1, 0) + event(PROC_STOP, 0)
    return bytes(head) + buffer.ljust(BUFFER, b"\0") * buffers


def judge_last_generation(files):
    """The number behind the last one that there is is 0."""
    for generation in (1, (1 << 32) - 1):
        with open(files.path, "wb") as file:
            file.write(memory(generation))
        result = run("salvage", files.path, "-o", files.output)
        expect(result.returncode == 0, f"salvage of generation {generation}: {result.returncode} {result.stderr[-600:]}")


def judge_lossy(files):
    """What there is no whole generation of was recorded nevertheless."""
    with open(files.path, "wb") as file:
        file.write(memory(1, state=3))
    result = run("salvage", files.path, "-o", files.output)
    is_refused(result, "salvage of what found no memory")
    expect(b"events found no memory" in result.stderr, f"salvage of what found no memory: {result.stderr}")


def on_terminal(*arguments):
    """Its status, and what it writes to stderr where that is a terminal."""
    master, slave = pty.openpty()
    result = run(*arguments, stderr=slave)
    os.close(slave)
    told = b""
    try:
        while piece := os.read(master, 1 << 12):
            told += piece
    except OSError:  # so a terminal that nobody has open ends, once all of it is read
        pass
    os.close(master)
    return result.returncode, told


def judge_progress(files):
    """Long work tells how far it is; to a terminal, and leaves nothing there."""
    texts = {1 << 20 | i: b"x" * 1000 for i in range(60)}
    texts[1000] = b"rung module 1000 2000 aabb /no/such"
    path, long_memory = files.path, files.path + ".memory"
    files.write(*story(), *(strings(texts, generation) for generation in range(2, 302)))
    with open(long_memory, "wb") as file:
        file.write(memory(1, 1100))
    for command in (["stats", path], ["cut", "--from", "0", "--to", "1", path], ["to", "perfetto", path], ["to", "speedscope", path],
                    ["symbolize", path], ["salvage", long_memory]):
        command += ["-o", files.output] * (command[0] != "stats")
        status, told = on_terminal(*command)
        expect(status == 0 and re.match(rb"\r *[0-9]+ %", told), f"{command[0]} shows no progress: {status} {told[:200]}")
        expect(b"%" not in told.rpartition(b"\r     \r")[2] and b"\r     \r" in told, f"{command[0]} leaves {told[-50:]}")
        expect(b"%" not in run(*command).stderr, f"{command[0]} shows progress to what is no terminal")
    status, told = on_terminal("stats", files.write(*story()))
    expect(status == 0 and told == b"", f"progress of what is short: {told}")


# ---- good ones, broken ----


def broken_files(files, directory):
    flight, recorded = os.path.join(directory, "memory"), os.path.join(directory, "recorded")
    process = subprocess.Popen([PLAY, "load"], env=dict(os.environ, RUNG_FLIGHT=flight))
    time.sleep(0.3)
    process.kill()
    process.wait()
    subprocess.run([PLAY, "truth"], env=dict(os.environ, RUNG_TRACE=recorded, RUNG_TRACE_EVERY="10", RUNG_PROCS="1"), check=True)
    with open(recorded, "rb") as file:
        whole = file.read()
    with open(flight, "rb") as file:
        kept = file.read(2 << 20)
    told, path = 0, files.path
    for i in range(BROKEN):
        is_memory = i % 3 == 0
        bytes_ = bytearray(kept if is_memory else whole)
        for _ in range(random.choice((1, 1, 4, 30))):
            bytes_[random.randrange(len(bytes_) if random.random() < 0.7 else min(len(bytes_), 4096))] = random.randrange(256)
        if random.random() < 0.3:
            bytes_ = bytes_[:random.randrange(len(bytes_))]
        with open(path, "wb") as file:
            file.write(bytes_)
        calls = ([["salvage", path, "-o", "/dev/null"]] if is_memory else
                 [["stats", path], ["symbolize", path, "-o", "/dev/null"], ["to", random.choice(("perfetto", "speedscope")), path],
                  ["cut", "--from", "0", "--to", "1", path, "-o", "/dev/null"]])
        for call in calls:
            result = run(*call)
            told += result.returncode == 1
            if result.returncode not in (0, 1) or (result.returncode == 1 and b"rung trace: " not in result.stderr):
                wrong.append(f"seed {SEED}, file {i}: {call} ended with {result.returncode}: {result.stderr[-300:]}")
    expect(told > 0, "no broken file was told to be broken")
    print(f"broken: {BROKEN} files, {told} complaints")


def main():
    if not os.path.exists(RUNG):
        print("skip: the command was not built: no libdw")
        return 77
    random.seed(SEED)
    with tempfile.TemporaryDirectory() as directory:
        files = Files(directory)
        for part in (judge_kinds, judge_order, judge_limits, judge_flood, judge_own_output, judge_open_end, judge_last_generation, judge_lossy, judge_progress, judge_many_functions):
            part(files)
        for part in (judge_names, judge_modules, broken_files):
            part(files, directory)
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
