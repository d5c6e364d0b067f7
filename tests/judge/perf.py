#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perf as a judge: of the samples of threads that run goroutines, how many end at a root?

test-timeout: 240
test-presets: release arm64
test-labels: slow
test-serial: yes

A sample is good when its chain by frame pointers ends at the root of a goroutine (rung_goroutine_start) or
of the scheduler (rung_mcall after the cut, rung_mstart), with no more below than the 0 of the root record.
At least 99.9 % have to be. A sample is bad as well when it shows a goroutine below schedule_slow, which
is called when that goroutine may run elsewhere. Among functions called by mcall some samples must
show the goroutine: those before the cut.

Left out are samples whose leaf is in another object than the program, or that have returned there from a
signal: libc, ld.so and vdso have no frame pointers. Not counted are threads that run no goroutines: they
are those of whose samples none shows a root of rung. That is the main thread, which waits in
rung_run, sysmon, and a program's own.
"""
import collections
import re
import sys

import _judge

SHARE = 99.9
SHOWN = 8  # of the odd chains
ROOTS = {"rung_goroutine_start", "rung_mcall", "rung_mstart"}
NAMELESS = "?"  # between two functions: where a call that never returns, the last of its function, would return to
CALLED_BY_MCALL = {"yield_m", "park_m", "requeue_m"}
FEWEST = 50  # samples of a program

PROGRAMS = {  # name: (arguments, the least number of samples that show g0 linked to a goroutine)
    "yield": ("$work yield 3", 1),
    "pingpong": ("$work pingpong 3", 1),
    "select": ("$work select 3", 0),
    "timers": ("$work timers 3", 0),
    "demo": ("$demo --seconds 20 $tree", 0),
}
# Blocks of one instruction: only so are there samples at every instruction under QEMU.
PROGRAMS_ARM64 = {
    "yield, each": ("each $work yield 20", 1),
    "pingpong, each": ("each $work pingpong 20", 0),
}

SCRIPT = """
%s >stdout 2>stderr || { status=$?; cat stderr; exit $status; }
echo @@@ %s
perf script -i perf.data --no-inline -F pid,tid,ip,sym,dso 2>/dev/null
"""
RECORD = "perf record -q -e %s -F %d -o perf.data -- %s"

Frame = collections.namedtuple("Frame", "address function object")


def parse(text):
    """perf script's samples, as (thread, is_main, [Frame])."""
    samples = []
    for block in text.split("\n\n"):
        lines = block.strip("\n").splitlines()
        head = re.match(r"\s*(\d+)/(\d+)", lines[0]) if lines else None
        if head is None:
            continue
        frames = []
        for line in lines[1:]:
            match = re.match(r"\s*([0-9a-f]+) (.*?) \((.*)\)$", line)
            if match:
                frames.append(Frame(int(match[1], 16), match[2].strip(), match[3]))
        samples.append((int(head[2]), head[1] == head[2], frames))
    return samples


def functions_of(frames):
    """The chain's functions, without the 0 that the root record ends it with."""
    functions = [frame.function if frame.function != "[unknown]" or "/" not in frame.object else NAMELESS
                 for frame in frames]
    if frames and frames[-1].address == 0:
        functions.pop()
    return functions


def is_ours(frame, program):
    return frame.object.rsplit("/", 1)[-1] == program


def is_good(functions):
    # At its first instruction a function's caller is hidden; above the root's own callee there is only the root.
    if functions == ["rung_goroutine_main"]:
        return True
    if not functions or functions[-1] not in ROOTS or any(name == "[unknown]" for name in functions):
        return False
    return not ("schedule_slow" in functions and functions[-1] == "rung_goroutine_start")


def judge(name, text, fewest_linked):
    """Prints the program's line; gives back whether it passed."""
    program = "demo" if name == "demo" else "work"
    samples = parse(text)
    runners = {thread for thread, _, frames in samples if ROOTS & set(functions_of(frames)[-1:])}
    counts = collections.Counter()
    odd = collections.Counter()
    for thread, _, frames in samples:
        functions = functions_of(frames)
        if thread not in runners:
            counts["other threads"] += 1
        elif not frames or not is_ours(frames[0], program) or "__restore_rt" in functions:
            counts["in libraries"] += 1
        elif "thread_main" in functions:
            counts["starting"] += 1
        else:
            counts["judged"] += 1
            counts["good"] += is_good(functions)
            counts["linked"] += functions[-1:] == ["rung_goroutine_start"] and bool(CALLED_BY_MCALL & set(functions))
            counts["on g0"] += functions[-1:] != ["rung_goroutine_start"]
            if not is_good(functions):
                odd[" < ".join(f.function if f.function != "[unknown]" else hex(f.address) for f in frames)] += 1
    share = 100 * counts["good"] / counts["judged"] if counts["judged"] else 0
    print(f"{name:15} {len(samples):6} samples: {counts['in libraries']} in libraries, {counts['other threads']} of other"
          f" threads, {counts['starting']} of starting ones; {counts['good']} of {counts['judged']} end at a root:"
          f" {share:.2f} % ({counts['on g0']} at g0's, {counts['linked']} on g0 and linked)")
    for chain, number in odd.most_common(SHOWN):
        print(f"    {number} x {chain}")
    wrong = []
    if share < SHARE:
        wrong.append(f"less than {SHARE} % end at a root")
    if counts["judged"] < FEWEST:
        wrong.append("too few samples to judge by")
    if counts["linked"] < fewest_linked:
        wrong.append("functions called by mcall do not show their caller")
    for sentence in wrong:
        print(f"    FAILED: {sentence}")
    return not wrong


def main():
    _judge.need("perf")
    event = "cpu-clock/call-graph=fp/u"  # and no --call-graph, with which perf adds frames of its own on arm64
    files = {"work": _judge.WORK, "demo": _judge.DEMO, "tree": _judge.TREE}
    programs = dict(PROGRAMS)
    rate = 499
    if _judge.IN_VM:
        programs = {name: (command, 0) for name, (command, _) in programs.items()} | PROGRAMS_ARM64
    else:
        status, _, err = _judge.run_script(RECORD % (event, rate, "true"), {}, 30)
        if status != 0:
            _judge.skip("the kernel does not let perf sample: " + err.strip().replace("\n", " "))
    if not _judge.DEMO.exists():
        del programs["demo"], files["demo"]
    script = "".join(SCRIPT % (RECORD % (event, rate, command), name)
                     for name, (command, _) in programs.items())
    status, out, err = _judge.run_script(script, files, 400 if _judge.IN_VM else 150)
    parts = re.split(r"^@@@ (.*)\n", out, flags=re.MULTILINE)
    if status != 0:
        print(f"exit status {status}\n{out[-2000:]}\n{err[-2000:]}")
    passed = [judge(name, text, programs[name][1]) for name, text in zip(parts[1::2], parts[2::2])]
    return 0 if status == 0 and len(passed) == len(programs) and all(passed) else 1


sys.exit(main())
