#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program that is linked with librung only, and stripped, is traced; `rung trace symbolize` finds the names later, elsewhere.

test-timeout: 240
test-presets: release

By build id, in a directory of debug files, or where the program was; then every row of trace_stacks.py is exact. Of another
build nothing is taken: that is told, and what stands in the trace (object and offset) stays. Go's reader accepts
all: raw, named, and named twice.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import _trace
import trace_stacks

RUNG = os.path.join(os.environ["RUNG_BUILD"], "rung")
COMMAND = ["gcc", "-O2", "-g", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]

wrong = []


def expect(is_true, sentence):
    if not is_true:
        wrong.append(sentence)


def symbolize(*arguments):
    return subprocess.run([RUNG, "trace", "symbolize", *arguments], text=True, capture_output=True)


def build_id(program):
    notes = subprocess.run(["readelf", "-n", program], text=True, capture_output=True, check=True).stdout
    return re.search(r"Build ID: (\w+)", notes)[1]


def names(judge, trace):
    """Functions of the program, as all stacks have them."""
    return {frame.function for event in _trace.events(judge, trace) for frame in event.stack
            if os.path.basename(frame.file) in (trace_stacks.PROGRAM, "trace_stacks")}


def record(judge, program, raw, debug, trace):
    """Until the machine has let every row happen."""
    inexact = True
    while inexact:
        trace_stacks.record(program, raw)
        result = symbolize(raw, "-o", trace, "--debug-dir", debug)
        inexact = trace_stacks.check(trace, judge, True)[1]
        if inexact:
            print("\n  ".join(["once more:", result.stderr.strip(), *inexact]), flush=True)


def named(judge, trace, way):
    good, bad = _trace.judge(judge, [trace])
    wrong.extend(bad)
    if not good:
        return
    rows, inexact = trace_stacks.check(trace, judge, True)
    wrong.extend(f"{way}: {text}" for text in inexact)
    print(f"{way}: {rows - len(inexact)} of {rows} rows are exact")


def unnamed(judge, trace, raw, result, why, way):
    expect(result.returncode == 0, f"{way}: ended with {result.returncode}: {result.stderr}")
    expect(why in result.stderr, f"{way}: said {result.stderr!r}")
    good, bad = _trace.judge(judge, [trace])
    wrong.extend(bad)
    if good:
        expect(names(judge, trace) == names(judge, raw), f"{way}: {sorted(names(judge, trace) ^ names(judge, raw))[:9]}")
    print(f"{way}: {result.stderr.strip().splitlines()[0] if result.stderr else ''}")


def main():
    if not os.path.exists(RUNG):
        _trace.skip("the command was not built: no libdw")
    judge = _trace.need()
    with tempfile.TemporaryDirectory() as directory:
        at = lambda name: os.path.join(directory, name)
        program = trace_stacks.build(COMMAND, directory, ["librung.a"])
        shutil.copy(program, at("whole"))
        identity = build_id(program)
        by_id = os.path.join(at("debug"), ".build-id", identity[:2], identity[2:] + ".debug")
        os.makedirs(os.path.dirname(by_id))
        subprocess.run(["objcopy", "--only-keep-debug", program, by_id], check=True)
        subprocess.run(["strip", program], check=True)
        record(judge, program, at("raw"), at("debug"), at("trace"))
        good, bad = _trace.judge(judge, [at("raw")])
        wrong.extend(bad)
        found = names(judge, at("raw")) if good else set()
        expect(found and all(name.startswith("[") for name in found), f"raw: {sorted(found)[:9]}")

        result = symbolize(at("raw"), "-o", at("trace"))
        unnamed(judge, at("trace"), at("raw"), result, "has no debug information (build id " + identity, "stripped")
        result = symbolize(at("raw"), "-o", at("trace"), "--debug-dir", at("debug"))
        expect(result.returncode == 0 and program not in result.stderr, f"split: {result.returncode} {result.stderr}")
        named(judge, at("trace"), "debug information by build id")
        os.unlink(program)
        result = symbolize(at("raw"), "-o", at("trace"))
        unnamed(judge, at("trace"), at("raw"), result, program + " is not here", "missing")
        result = symbolize(at("raw"), "-o", at("trace"), "--debug-dir", at("debug"))
        expect(result.returncode == 0, f"elsewhere: {result.returncode} {result.stderr}")
        named(judge, at("trace"), "without the program")
        subprocess.run([*COMMAND, "-x", "c", "-", "-o", program], input="int main(void) { return 0; }", text=True, check=True)
        result = symbolize(at("raw"), "-o", at("trace"))
        unnamed(judge, at("trace"), at("raw"), result, program + " is another build", "another build")
        shutil.copy(at("whole"), program)
        shutil.copy(at("raw"), at("trace"))
        result = symbolize(at("trace"))
        expect(result.returncode == 0 and "have a file and a line" in result.stdout, f"in place: {result}")
        named(judge, at("trace"), "in place")
        result = symbolize(at("trace"), "-o", at("trace"))
        expect(result.returncode == 0, f"again: {result}")
        named(judge, at("trace"), "named twice")
        for trace in (at("whole"), at("none")):
            result = symbolize(trace, "-o", at("broken"))
            expect(result.returncode == 1 and "rung trace: " in result.stderr, f"{trace}: {result}")
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
