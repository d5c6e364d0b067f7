#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perf as a judge: of the samples of threads that run goroutines, how many end at a root?

test-timeout: 240
test-presets: release arm64
test-labels: slow
test-serial: yes

A sample is good when its chain by frame pointers ends at the root of a goroutine (rung_goroutine_start) or
of the scheduler (rung_g0_root), with no more below than the 0 of a goroutine's root record.
At least 99.9 % have to be, but for what chance explains in so few samples. A sample is bad as well when it shows a goroutine below schedule_slow, which
is called when that goroutine may run elsewhere. Among functions called by mcall some samples must
show the goroutine: those before the cut.

Left out are samples whose leaf is in another object than the program, or that have returned there from a
signal: libc, ld.so and vdso have no frame pointers; and those whose chain is lost in such an object that has
called the program back, as http-parser does. Not counted are threads that run no goroutines: they
are those of whose samples none shows a root of rung. That is the main thread, which waits in
rung_run, sysmon, and a program's own.
"""
import collections
import itertools
import re
import sys

import _judge

ODD_SHARE = 0.001
SHOWN = 8  # of the odd chains
ROOTS = {"rung_goroutine_start", "rung_g0_root"}
NAMELESS = "?"  # between two functions: where a call that never returns, the last of its function, would return to
CALLED_BY_MCALL = {"depart_m", "requeue_m"}
FEWEST = 20  # samples of a program, as long as a busy machine takes for them: with no chain to a root there is none

PROGRAMS = {
    "yield": "$work yield 3",
    "yield by way of g0": "env RUNG_CHAOS=1 $work yield 3",  # that is half of them
    "pingpong": "$work pingpong 3",
    "select": "$work select 3",
    "timers": "$work timers 3",
    "demo": "$demo --seconds 20 $tree",
}
# The load is of other threads; the kernel's time is left out, so that the server's own has to be looked for for longer.
HTTP_UNDER_LOAD = """sh -c '"$1" 127.0.0.1:0 "$2" 2>http.err & server=$!
    until address=$(sed -n "s/.*listening at //p" http.err) && [ -n "$address" ]; do kill -0 $server || exit 1; sleep 0.05; done
    wrk -t1 -c64 -d4s "http://$address/" >wrk.out && grep -q Requests/sec wrk.out || exit 1
    kill $server; wait $server' sh $http $tree"""
# Blocks of one instruction: only so are there samples at every instruction under QEMU.
PROGRAMS_ARM64 = {
    "yield, each": "each $work yield 20",
    "yield by way of g0, each": "env RUNG_CHAOS=1 each $work yield 20",
    "pingpong, each": "each $work pingpong 20",
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


def is_lost_in_library(frames, program):
    """The last frame before the first that is in no file stands in another file than the program's."""
    known = list(itertools.takewhile(lambda frame: frame.object.startswith("/"), frames))
    return 0 < len(known) < len(frames) and not is_ours(known[-1], program)


def is_good(functions):
    # At its first instruction a function's caller is hidden; above the root's own callee there is only the root.
    if functions == ["rung_goroutine_main"]:
        return True
    if not functions or functions[-1] not in ROOTS or any(name == "[unknown]" for name in functions):
        return False
    return not ("schedule_slow" in functions and functions[-1] == "rung_goroutine_start")


def judge(name, text):
    """Prints the program's line; gives back whether it passed, how many samples there are to judge, and how many of them
    show g0 linked to a goroutine.
    """
    program = name if name in ("demo", "http") else "work"
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
        elif is_lost_in_library(frames, program) and not is_good(functions):
            counts["called by libraries"] += 1
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
    print(f"{name:20} {len(samples):6} samples: {counts['in libraries']} in libraries, {counts['called by libraries']}"
          f" called back by them, {counts['other threads']} of other threads, {counts['starting']} of starting ones;"
          f" {counts['good']} of {counts['judged']} end at a root:"
          f" {share:.2f} % ({counts['on g0']} at g0's, {counts['linked']} on g0 and linked)")
    for chain, number in odd.most_common(SHOWN):
        print(f"    {number} x {chain}")
    is_passed = counts["judged"] - counts["good"] <= _judge.most_by_chance(counts["judged"], ODD_SHARE)
    if not is_passed:
        print("    FAILED: too many do not end at a root")
    return is_passed, counts["judged"], counts["linked"]


def main():
    _judge.need("perf")
    event = "cpu-clock/call-graph=fp/u"  # and no --call-graph, with which perf adds frames of its own on arm64
    files = {"work": _judge.WORK, "demo": _judge.DEMO, "http": _judge.HTTP, "tree": _judge.TREE}
    programs = dict(PROGRAMS)
    rate = 499
    if _judge.IN_VM:
        programs |= PROGRAMS_ARM64
    else:
        status, _, err = _judge.run_script(RECORD % (event, rate, "true"), {}, 30)
        if status != 0:
            _judge.skip("the kernel does not let perf sample: " + err.strip().replace("\n", " "))
    if _judge.HTTP.exists() and not _judge.IN_VM and _judge.has("wrk"):
        programs["http"] = HTTP_UNDER_LOAD
    else:
        del files["http"]
    if not _judge.DEMO.exists():
        del programs["demo"], files["demo"]
    def sample(names):
        """What perf says of these programs, by name."""
        script = "".join(SCRIPT % (RECORD % (event, rate, programs[name]), name) for name in names)
        status, out, err = _judge.run_script(script, files, 800)
        parts = re.split(r"^@@@ (.*)\n", out, flags=re.MULTILINE)
        if status != 0 or len(parts[1::2]) != len(names):
            print(f"exit status {status}\n{out[-2000:]}\n{err[-2000:]}")
            sys.exit(1)
        return dict(zip(parts[1::2], parts[2::2]))

    texts = sample(list(programs))
    results = {name: judge(name, text) for name, text in texts.items()}

    def sample_again(name):
        texts[name] += "\n\n" + sample([name])[name]
        results[name] = judge(name, texts[name])

    for name in programs:
        while results[name][0] and results[name][1] < FEWEST:
            sample_again(name)
    is_passed = all(passed for passed, _, _ in results.values())
    # Functions called by mcall show their caller: in one of the programs at least, where samples are many enough.
    while is_passed and not any(linked for _, _, linked in results.values()):
        print("no function called by mcall has shown its caller yet", flush=True)
        sample_again("yield by way of g0")
        is_passed = results["yield by way of g0"][0]
    return 0 if is_passed else 1


sys.exit(main())
