#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program that is linked with librung only, and stripped, is traced; `rung trace symbolize` finds the names later, elsewhere.

test-timeout: 240
test-presets: release

By build id, in a directory of debug files, or where the program was; then every row of trace_stacks.py is exact. Of another
build nothing is taken: that is told, and what stands in the trace stays: object and offset, or what was inlined, if it was named
before. Where one library was unloaded and another lies there now, each has its own names, from clang's C++, too. Go's reader
accepts all: raw, named, and named twice.
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


def build_swap(directory, libraries):
    """trace_swap.c, and two libraries that are alike to the byte, but for their names; with a function that is inlined."""
    program = os.path.join(directory, "swap")
    subprocess.run([*COMMAND, "-D_GNU_SOURCE", "-I" + os.path.join(_trace.SOURCE, "include"), "-I" + os.path.join(_trace.SOURCE, "tests"),
                    os.path.join(_trace.SOURCE, "tests", "judge", "trace_swap.c"), "-o", program, *libraries, "-lpthread", "-ldl"],
                   check=True)
    arguments = [program]
    compiler = shutil.which("clang++") or "g++"  # which tell of functions in a namespace at different places
    for name in ("step_one", "step_two"):
        source, library = os.path.join(directory, name + ".cpp"), os.path.join(directory, name + ".so")
        with open(source, "w") as file:
            file.write("namespace names {\nstatic int step_inlined(int (*next)())\n{\n    int result = next();\n    return result + 1;\n}\n"
                       "extern \"C\" int %s(int (*next)()) { return step_inlined(next); }\n}\n" % name)
        subprocess.run([compiler, *COMMAND[1:], "-shared", "-fPIC", source, "-o", library], check=True)
        arguments += [os.path.join(".", os.path.basename(library)), name]
    return arguments


def steps(judge, trace):
    return {(frame.function, os.path.basename(frame.file)) for event in _trace.events(judge, trace) for frame in event.stack
            if "step_" in frame.function}


def swap(judge, directory):
    in_place = lambda name: os.path.join(os.environ["RUNG_BUILD"], name) if name.endswith(".a") else name
    trace = os.path.join(directory, "swap.trace")
    for way, libraries in (("symbols", ["librung.a"]), ("lines", trace_stacks.NAMING)):
        arguments = build_swap(directory, [in_place(name) for name in libraries])
        while subprocess.run(arguments, cwd=directory, env=dict(os.environ, RUNG_TRACE=trace), text=True, capture_output=True,
                             check=True).stdout != "swapped\n":
            print("swap: once more")
        for again in (False, True):
            names = ("step_one", "step_two")
            wanted = {(name, name + ".so") for name in names}
            if again or way == "lines":
                wanted = {(function, name + ".cpp") for name in names for function in (name, "step_inlined")}
            expect(steps(judge, trace) == wanted, f"swap: {way}, symbolized {again}: {sorted(steps(judge, trace))}")
            result = symbolize(trace)
            expect(result.returncode == 0, f"swap: {result}")
    print("swap: each library has its own names")


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
        result = symbolize(at("trace"), "-o", at("again"))
        unnamed(judge, at("again"), at("trace"), result, program + " is not here", "named before")
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
        swap(judge, directory)
        for trace in (at("whole"), at("none")):
            result = symbolize(trace, "-o", at("broken"))
            expect(result.returncode == 1 and "rung trace: " in result.stderr, f"{trace}: {result}")
    for text in wrong:
        print(text)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
